import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { find, ofKind, type Manifest } from '../support/manifests.ts';
import { waitFor } from '../support/wait.ts';
import { getJson, mustKubectl, ops, toYaml } from './support/cluster.ts';
import { httpLoad, type HttpLoad } from './support/http-load.ts';
import { deployProduct, type Product } from './support/product.ts';
import { watchPods } from './support/pods.ts';
import { creationOf, searchFor, TEXT_FIELD } from '../support/sample.ts';

let product: Product;

beforeAll(async () => {
  product = await deployProduct();
}, 400_000);
afterAll(() => product.close());

const api = () => `http://taskstream-api.${product.namespace}`;

/** Part of a script: creates a task and returns it. */
const CREATE = `
  const create = async (body) => {
    const response = await fetch(API + '/tasks', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (response.status !== 201) throw new Error(response.status + ' ' + (await response.text()));
    return (await response.json()).task;
  };
  const search = async (body) => {
    const response = await fetch(API + '/tasks/search', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return (await response.json()).tasks ?? [];
  };`;
const script = (body: string) => `const API = ${JSON.stringify(api())};${CREATE}${body}`;

/** Creates a task through the Service and returns it when search finds it. */
const createAndFind = (text: string) =>
  product.client.run<{ created: { id: string }; found: { id: string }[] }>(
    script(`
      const created = await create(${JSON.stringify(creationOf(text))});
      let found = [];
      for (const end = Date.now() + 60_000; found.length === 0 && Date.now() < end; ) {
        found = await search(${JSON.stringify(searchFor(text))});
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      console.log(JSON.stringify({ created, found }));`),
  );

describe('pods of the API and the indexer', () => {
  it('bring a task from HTTP through the Service to a search hit', async () => {
    const { created, found } = await createAndFind('paint the fence');
    expect(found.map(({ id }) => id)).toEqual([created.id]);
  });

  it('run as an unprivileged user, on a root file system that cannot be written, without a token', async () => {
    for (const deployment of ['taskstream-api', 'taskstream-indexer']) {
      const said = await product.kubectl(
        ...['exec', `deployment/${deployment}`, '--', 'node', '-e'],
        `const fs = require('fs');
         const refused = (act) => { try { act(); return 'allowed'; } catch (error) { return error.code; } };
         // The first process is the sandbox's: the pod's processes share their names.
         const isService = (id) => /^\\d+$/.test(id) && Number(id) !== process.pid && fs.readFileSync('/proc/' + id + '/cmdline', 'utf8').includes('main.js');
         const status = fs.readFileSync('/proc/' + fs.readdirSync('/proc').find(isService) + '/status', 'utf8');
         console.log(JSON.stringify({
           user: process.getuid(),
           write: refused(() => fs.writeFileSync('/app/x', '')),
           token: refused(() => fs.readFileSync('/var/run/secrets/kubernetes.io/serviceaccount/token')),
           capabilities: /CapBnd:\\s*(\\w+)/.exec(status)[1],
           seccomp: /Seccomp:\\s*(\\d)/.exec(status)[1],
         }))`,
      );
      expect(JSON.parse(said), deployment).toEqual({
        user: 65_532,
        write: 'EROFS',
        token: 'ENOENT',
        capabilities: '0000000000000000',
        // A filter is installed.
        seccomp: '2',
      });
    }
  });
});

it('ops wait finds everything ready, and shows the lag against the replicas', async () => {
  const { code, stdout, stderr } = await waitFor(
    'the autoscaler to have measured the lag',
    async () => {
      const result = await ops('wait', 'all', '-n', product.namespace, '--timeout', '90');
      return !/lag not measured yet/.test(result.stdout) && result;
    },
    { timeoutMs: 120_000, intervalMs: 1_000 },
  );
  expect(stdout).toMatch(/ScaledObject.*taskstream-indexer.*ready/);
  expect(stdout).toMatch(/lag \d+ at 1 replicas/);
  expect([code, stderr]).toEqual([0, expect.stringContaining('Deployment taskstream-api')]);
});

describe('a rolling update of the API', () => {
  it('fails no request under load, on kept connections or new ones', async () => {
    const load = product.client.start(httpLoad(api()));
    const names = async () =>
      ((await getJson('-n', product.namespace, 'pods', '-l', 'app.kubernetes.io/component=api')).items as Manifest[])
        .map(({ metadata }) => metadata.name)
        .sort();
    const before = await names();
    await product.kubectl('rollout', 'restart', 'deployment/taskstream-api');
    await product.kubectl('rollout', 'status', 'deployment/taskstream-api', '--timeout=240s');
    await waitFor('the old pods to be gone', async () => (await names()).every((name) => !before.includes(name)), {
      timeoutMs: 180_000,
      intervalMs: 500,
    });
    const { requests, failures } = JSON.parse(await load.finish()) as HttpLoad;
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(500);
  });
});

describe('deleting an indexer pod under load', () => {
  it('drains it within its grace period, with exit code 0', async () => {
    const load = product.client.start(
      script(`
        let running = true;
        let created = 0;
        process.stdin.on('end', () => { running = false; }).resume();
        const worker = async () => { for (; running; created += 1) await create(${JSON.stringify(creationOf('drained'))}); };
        await Promise.all(Array.from({ length: 8 }, worker));
        console.log(JSON.stringify(created));`),
    );
    const pods = watchPods(product.namespace, 'app.kubernetes.io/component=indexer');
    const indexed = async () => {
      const answer = await fetch(`${product.elasticsearchUrl}/tasks/_count?q=${TEXT_FIELD}:drained`);
      return ((await answer.json()) as { count: number }).count;
    };
    await waitFor('the load to be under way', async () => (await indexed()) > 500, { timeoutMs: 120_000 });
    const [{ metadata }] = (await pods.running(1)) as [Manifest];
    const { terminationGracePeriodSeconds } = find(product.manifests, 'Deployment', 'taskstream-indexer').spec.template
      .spec as { terminationGracePeriodSeconds: number };
    const startedAt = performance.now();
    await product.kubectl('delete', 'pod', metadata.name, '--wait=false');
    const exit = await pods.exitOf(metadata.name);
    expect(exit).toMatchObject({ exitCode: 0, reason: 'Completed' });
    expect(performance.now() - startedAt).toBeLessThan(terminationGracePeriodSeconds * 1_000);
    const created = JSON.parse(await load.finish()) as number;
    pods.close();
    await waitFor('every task to be found', async () => (await indexed()) === created, {
      timeoutMs: 180_000,
      intervalMs: 500,
    });
  });
});

describe('the migration Job', () => {
  it('may run again, and twice at once', async () => {
    const [job] = ofKind(product.manifests, 'Job').filter(({ metadata }) => metadata.name.includes('migrate'));
    if (job === undefined) throw new Error('there is no migration Job');
    const copies = ['again-1', 'again-2', 'again-3'].map((name) => ({
      ...job,
      metadata: { ...job.metadata, name: `${job.metadata.name}-${name}` },
    }));
    await mustKubectl(['apply', '-f', '-'], toYaml(copies));
    for (const { metadata } of [job, ...copies]) {
      await product.kubectl('wait', '--for=condition=Complete', `job/${metadata.name}`, '--timeout=90s');
      const { status } = await getJson('-n', product.namespace, 'job', metadata.name);
      // Not one attempt failed.
      expect([status.succeeded, status.failed ?? 0], metadata.name).toEqual([1, 0]);
    }
    const { created, found } = await createAndFind('after the migrations');
    expect(found.map(({ id }) => id)).toContain(created.id);
  });
});
