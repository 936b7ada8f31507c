import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { manifestsOf } from '../support/manifests.ts';
import { waitFor } from '../support/wait.ts';
import { deleteNamespace, getJson, isolated, kubectl, mustKubectl, ops, opsWith, toYaml } from './support/cluster.ts';

const environment = {
  ...isolated('local'),
  images: { api: 'no/such:image', indexer: 'no/such:image', pullPolicy: 'Never' as const },
};
const { namespace } = environment;

beforeAll(() => mustKubectl(['apply', '-f', '-'], toYaml(manifestsOf(environment))));
afterAll(() => deleteNamespace(namespace));

interface Row {
  readonly kind: string;
  readonly name: string;
  readonly state: string;
  readonly detail: string;
}
const status = async () => {
  const { code, stdout } = await ops('status', '-n', namespace, '--json');
  return { code, rows: JSON.parse(stdout) as Row[] };
};

const detailOf = (rows: readonly Row[], kind: string, name: string) =>
  rows.find((row) => row.kind === kind && row.name === name)?.detail;

it('shows every resource of the product, and what blocks it', async () => {
  const rows = await waitFor(
    'the operators and the kubelet to have looked',
    async () => {
      const { code, rows: found } = await status();
      expect(code).toBe(1);
      const settled =
        detailOf(found, 'Elasticsearch', 'taskstream')?.includes('ApplyingChanges') &&
        detailOf(found, 'Cluster', 'taskstream-db')?.includes('Setting up') &&
        found.some(
          ({ kind, name, detail }) =>
            kind === 'Job' && name.includes('secrets') && detail.includes('ErrImageNeverPull'),
        );
      if (settled !== true) throw new Error(JSON.stringify(found));
      return found;
    },
    { timeoutMs: 120_000, intervalMs: 1_000 },
  );
  const detail = (kind: string, name: string) => detailOf(rows, kind, name);
  // Strimzi's operator is not in the lab.
  expect(detail('KafkaTopic', 'tasks')).toContain('is the operator of Strimzi there?');
  expect(detail('KafkaUser', 'taskstream-keda')).toBeDefined();
  expect(detail('Elasticsearch', 'taskstream')).toContain('ApplyingChanges');
  expect(detail('Cluster', 'taskstream-db')).toMatch(/Setting up primary.*0 of 1 instances/);
  expect(rows.find(({ kind, name }) => kind === 'Job' && name.includes('secrets'))?.detail).toContain(
    'ErrImageNeverPull',
  );
  expect(detail('Deployment', 'taskstream-api')).toMatch(/0 of \d pods/);
  expect(rows.map(({ kind }) => kind)).toContain('ScaledObject');
});

it('waits no longer than told, says what is not ready, and exits with 1', async () => {
  const { code, stdout, stderr } = await ops('wait', 'data-plane', '-n', namespace, '--timeout', '2');
  expect(code).toBe(1);
  expect(stderr).toContain('Not ready after 2 s: the table says what is not.');
  expect(stdout).toContain('taskstream-db');
});

it('finds the operators of the cluster, whose webhooks answer', async () => {
  const { code, stdout } = await ops('wait', 'operators', '--timeout', '30');
  expect(stdout.match(/webhook answers/g)).toHaveLength(3);
  expect(code).toBe(0);
});

it('says what to do where nothing of the product is', async () => {
  const { code, stderr } = await ops('status', '-n', 'default');
  expect(stderr).toContain('There is nothing of taskstream in namespace default: apply the manifests first');
  expect(code).toBe(1);
});

describe('with a kubeconfig of two contexts', () => {
  const folder = mkdtempSync(join(tmpdir(), 'taskstream-contexts-'));
  const KUBECONFIG = join(folder, 'two.kubeconfig');
  beforeAll(async () => {
    const config = JSON.parse(await mustKubectl(['config', 'view', '--raw', '--minify', '--flatten', '-o', 'json']));
    const { cluster, user } = config.contexts[0].context;
    // Nothing listens there.
    config.clusters = [...config.clusters, { name: 'away', cluster: { server: 'https://127.0.0.1:1' } }];
    config.contexts = [
      { name: 'ours', context: { cluster, user, namespace } },
      { name: 'current', context: { cluster: 'away', user, namespace: 'elsewhere' } },
    ];
    config['current-context'] = 'current';
    writeFileSync(KUBECONFIG, JSON.stringify(config));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  const opsOn = (env: Readonly<Record<string, string>>, ...args: readonly string[]) =>
    opsWith({ KUBECONFIG, ...env }, ...args);

  /** Commands, each with what it says only of the namespace of the context "ours". */
  const COMMANDS: [readonly string[], RegExp][] = [
    [['status'], /taskstream-db/],
    [['wait', 'data-plane', '--timeout', '1'], /taskstream-db/],
    [['secrets', 'no-such/password'], new RegExp(`There is no Secret no-such in namespace ${namespace}`)],
    [['teardown'], new RegExp(`in namespace ${namespace}\\. If you mean it, add --yes\\.`)],
  ];

  it.each(COMMANDS)('%j goes where --context says, or else Skaffold', async (args, ours) => {
    const byOption = await opsOn({ SKAFFOLD_KUBE_CONTEXT: 'current' }, ...args, '--context', 'ours');
    expect(byOption.stdout + byOption.stderr).toMatch(ours);
    const bySkaffold = await opsOn({ SKAFFOLD_KUBE_CONTEXT: 'ours' }, ...args);
    expect(bySkaffold.stdout + bySkaffold.stderr).toMatch(ours);
  });

  it('goes to the current one when none is named, and refuses one that is not there', async () => {
    expect((await opsOn({}, 'teardown')).stderr).toContain('in namespace elsewhere.');
    expect(await opsOn({}, 'status', '--context', 'typo')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('The kubeconfig has no context typo; it has ours, current.') as string,
    });
  });
});

describe('teardown', () => {
  it('asks before it deletes data', async () => {
    const { code, stderr } = await ops('teardown', '-n', namespace);
    expect(stderr).toContain('If you mean it, add --yes.');
    expect(code).toBe(1);
    expect((await status()).rows).not.toHaveLength(0);
  });

  it('deletes topics while their operator can release them, and then everything', async () => {
    // What Strimzi's topic operator puts on a topic, and takes off again.
    const finalizer = (operations: object[]) =>
      mustKubectl(['-n', namespace, 'patch', 'kafkatopic', 'tasks', '--type=json', '-p', JSON.stringify(operations)]);
    await finalizer([{ op: 'add', path: '/metadata/finalizers', value: ['strimzi.io/topic-operator'] }]);
    const held = await ops('teardown', '-n', namespace, '--yes', '--timeout', '3');
    expect(held.code).toBe(1);
    expect(held.stderr).toContain('Still there after 3 s: KafkaTopic tasks. Its operator has to release it');
    // Nothing that the topic needs to go was touched.
    expect((await getJson('-n', namespace, 'kafka', 'taskstream')).metadata.deletionTimestamp).toBeUndefined();

    await finalizer([{ op: 'remove', path: '/metadata/finalizers' }]);
    expect((await ops('teardown', '-n', namespace, '--yes')).code).toBe(0);
    expect((await kubectl(['get', 'namespace', namespace])).stderr).toContain('not found');
  });
});
