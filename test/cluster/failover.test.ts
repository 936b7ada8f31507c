/** The operator of PostgreSQL fails over, three instances of the product's own Cluster, while pods of the API write. */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { TASK_INDEX_ALIAS } from '../../services/task/resources.ts';
import { equalInContent } from '../support/content.ts';
import { manifestsOf } from '../support/manifests.ts';
import { creationOf, TEXT_FIELD, updateOf } from '../support/sample.ts';
import { waitFor } from '../support/wait.ts';
import { getJson, isLongForm } from './support/cluster.ts';
import type { RunningScript } from './support/client.ts';
import {
  CLUSTER,
  onOneNode,
  operatedPostgres,
  query,
  removeInstances,
  rowsOf,
  statusOf,
  type ClusterStatus,
} from './support/postgres.ts';
import { deployProduct, type Product } from './support/product.ts';

const INSTANCES = 3;

let product: Product;

beforeAll(async () => {
  product = await deployProduct(
    { images: inject('images'), manifestsOf: (environment) => onOneNode(manifestsOf(environment)) },
    inject('hostAddress'),
    { ...operatedPostgres(), instances: INSTANCES },
  );
}, 600_000);
afterAll(async () => {
  await removeInstances(product);
  await product.close();
});

/** What a load was told: the newest version of each task that was acknowledged, with its text. */
interface Written {
  readonly acknowledged: Readonly<Record<string, { readonly version: number; readonly text: string }>>;
  readonly count: number;
  readonly longestGapMs: number;
  /** Other answers, by what they were. */
  readonly refusals: Readonly<Record<string, number>>;
}

/** Eight clients that create and change tasks. One whose request failed leaves its task: nothing else changes it any more. */
const startWriting = (): RunningScript =>
  product.client.start(`
    let running = true;
    process.stdin.on('end', () => { running = false; }).resume();
    const result = { acknowledged: {}, count: 0, longestGapMs: 0, refusals: {} };
    let last = performance.now();
    const acknowledge = ({ id, version, ${TEXT_FIELD}: text }) => {
      const now = performance.now();
      result.longestGapMs = Math.max(result.longestGapMs, now - last);
      last = now;
      result.count += 1;
      result.acknowledged[id] = { version, text };
    };
    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const send = async (method, path, body) => {
      const response = await fetch('http://taskstream-api.${product.namespace}' + path, {
        method,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(20_000),
      });
      if (!response.ok) throw new Error('status ' + response.status);
      const { task } = await response.json();
      acknowledge(task);
      return task;
    };
    const worker = async (number) => {
      for (let turn = 0; running; turn += 1) {
        try {
          const { id } = await send('POST', '/tasks', ${JSON.stringify(creationOf('written'))});
          for (let change = 0; running && change < 20; change += 1) {
            await pause(25);
            const text = [number, turn, change].join(' ');
            await send('PUT', '/tasks/' + id, { ...${JSON.stringify(updateOf('written'))}, ${TEXT_FIELD}: text });
          }
        } catch (error) {
          const reason = error.cause?.code ?? error.message;
          result.refusals[reason] = (result.refusals[reason] ?? 0) + 1;
          await pause(250);
        }
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, number) => worker(number)));
    console.log(JSON.stringify(result));`);

/** The load goes on: so many more changes are in the database. */
const moreWrites = async (more = 100): Promise<void> => {
  const written = async () => Number(await query(product, 'SELECT coalesce(sum(version), 0) FROM tasks'));
  let before: number | undefined;
  await waitFor(
    `${more} more writes`,
    async () => {
      before ??= await written();
      return (await written()) >= before + more;
    },
    { timeoutMs: 120_000, intervalMs: 500 },
  );
};

const promotionAfter = (primary: string): Promise<ClusterStatus> =>
  waitFor(
    'another primary',
    async () => {
      const status = await statusOf(product);
      return status.currentPrimary !== primary && status;
    },
    { timeoutMs: 240_000, intervalMs: 250 },
  );

const allInstances = (): Promise<unknown> =>
  waitFor(
    'all instances to be back',
    async () => {
      const { phase, readyInstances, currentPrimary, targetPrimary } = await statusOf(product);
      if (phase !== 'Cluster in healthy state') throw new Error(phase);
      return readyInstances === INSTANCES && currentPrimary === targetPrimary;
    },
    { timeoutMs: 240_000, intervalMs: 1_000 },
  );

/** What ends an instance or lets it stand still: a signal to all of its processes, which are this machine's, as its node is. */
const signaller = async (instance: string): Promise<(signal: NodeJS.Signals) => void> => {
  const { status } = await getJson('-n', product.namespace, 'pod', instance);
  const [, id] = /^containerd:[/]{2}([0-9a-f]{64})$/.exec(status.containerStatuses[0].containerID as string) ?? [];
  if (id === undefined) throw new Error(`${instance} has no container of containerd`);
  const isOfIt = (pid: string): boolean => {
    try {
      return readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(id);
    } catch {
      return false; // It has ended.
    }
  };
  return (signal) => {
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && isOfIt(name));
    if (pids.length === 0)
      throw new Error(`${instance} runs on another machine: these tests need its node to be this one`);
    for (const pid of pids) {
      try {
        process.kill(Number(pid), signal);
      } catch {
        // It has ended, as all do with the first one.
      }
    }
  };
};

/** As a person does whose node is lost. */
const deletePod = (instance: string): Promise<string> =>
  product.kubectl('delete', 'pod', instance, '--force', '--grace-period=0', '--wait=false');

/** Nothing that was acknowledged is lost, and both stores become equal. */
const judge = async (fault: string, load: RunningScript): Promise<void> => {
  const { acknowledged, count, longestGapMs, refusals } = JSON.parse(await load.finish()) as Written;
  console.info(
    `${fault}: ${count} writes acknowledged, none for ${(longestGapMs / 1_000).toFixed(1)} s; not acknowledged: ${JSON.stringify(refusals)}`,
  );
  const rows = await rowsOf(product);
  const lost = Object.entries(acknowledged).filter(([id, { version, text }]) => {
    const row = rows.get(id);
    return row === undefined || row.version < version || (row.version === version && row[TEXT_FIELD] !== text);
  });
  expect(lost).toEqual([]);
  expect(count).toBeGreaterThan(200);
  await equalInContent(product.elasticsearchUrl, TASK_INDEX_ALIAS, async () => rows);
};

it('a commit waits for any one of two standbys, and the operator knows it', async () => {
  const { currentPrimary } = await statusOf(product);
  expect(await query(product, 'SHOW synchronous_standby_names')).toMatch(/^ANY 1 \(/);
  await waitFor('the operator to know who may confirm', async () => {
    const { status } = await getJson('-n', product.namespace, 'failoverquorums.postgresql.cnpg.io', CLUSTER);
    expect(status).toMatchObject({ primary: currentPrimary, standbyNumber: 1 });
    expect(status.standbyNames).toHaveLength(INSTANCES - 1);
    return true;
  });
});

it('a standby takes the place of a primary that is killed, and nothing acknowledged is lost', async () => {
  const load = startWriting();
  await moreWrites();
  const { currentPrimary } = await statusOf(product);
  const send = await signaller(currentPrimary);
  send('SIGKILL');
  await deletePod(currentPrimary);
  await promotionAfter(currentPrimary);
  await moreWrites();
  await allInstances();
  await judge('killed', load);
});

// The long form: it takes the lease and the probes of a node as long as production has them.
if (isLongForm) {
  it('a standby takes the place of a primary that stands still, and writes go on once its pod is deleted', async () => {
    const load = startWriting();
    await moreWrites();
    const { currentPrimary } = await statusOf(product);
    const send = await signaller(currentPrimary);
    send('SIGSTOP');
    await promotionAfter(currentPrimary);
    // The other standby may have connected to it and wait for its answer: nobody confirms a commit until it has ended.
    await deletePod(currentPrimary);
    await moreWrites();
    await allInstances();
    await judge('frozen', load);
  });
}
