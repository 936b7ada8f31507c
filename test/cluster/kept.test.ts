/** What holds data outlives an uninstall, and what somebody deleted all the same comes back as the runbook says. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { manifestsOf, ofKind } from '../support/manifests.ts';
import { waitFor } from '../support/wait.ts';
import {
  deleteNamespace,
  getJson,
  isolated,
  kubectl,
  mustKubectl,
  run,
  toYaml,
  type Output,
} from './support/cluster.ts';

const root = join(import.meta.dirname, '../..');
const environment = isolated('local');
const { namespace } = environment;
const manifests = manifestsOf(environment);
const KEPT = ['kafka', 'kafkanodepool', 'kafkatopic', 'clusters.postgresql.cnpg.io', 'elasticsearch'];

const helm = async (...args: readonly string[]): Promise<void> => {
  const { code, stderr } = await run(inject('helm'), [...args, '-n', namespace]);
  if (code !== 0) throw new Error(`helm ${args.join(' ')}: ${stderr}`);
};
/** As docs/kind.md does. ECK writes whole objects, and so owns fields of ours: Helm 4 wants to know who has the last word. */
const install = (): Promise<void> =>
  helm(
    'upgrade',
    '--install',
    '--force-conflicts',
    'taskstream',
    join(root, 'charts/taskstream'),
    '-f',
    join(root, 'charts/taskstream/values-local.yaml'),
  );

/** Kind, name and uid: an object that was deleted and made again has another. */
const kept = async (): Promise<string[]> => {
  const { items } = (await getJson('-n', namespace, KEPT.join(','))) as {
    items: { kind: string; metadata: { name: string; uid: string } }[];
  };
  return items.map(({ kind, metadata }) => `${kind} ${metadata.name} ${metadata.uid}`).sort();
};

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'taskstream-kept-'));
  await mustKubectl(['apply', '-f', '-'], toYaml(ofKind(manifests, 'Namespace')));
});
afterAll(async () => {
  await deleteNamespace(namespace);
  rmSync(folder, { recursive: true });
});

it('Helm installs over what is there: upgraded, or left by an uninstall, servers and topics stay as they are', async () => {
  await install();
  const before = await kept();
  expect(before).toHaveLength(ofKind(manifests, 'KafkaTopic').length + 4);
  await waitFor('ECK to take up its cluster', async () =>
    JSON.stringify(await getJson('-n', namespace, 'elasticsearch', 'taskstream')).includes('"phase":'),
  );
  await install();
  expect(await kept()).toEqual(before);
  await helm('uninstall', 'taskstream');
  await waitFor('the rest to go', async () => (await getJson('-n', namespace, 'deployments')).items.length === 0);
  expect(await kept()).toEqual(before);
  await install();
  expect(await kept()).toEqual(before);
});

describe('the runbook for deleted resources of Kafka', () => {
  const text = readFileSync(join(root, 'docs/runbooks/kafka-deleted.md'), 'utf8');
  /** The commands of a numbered step, on this test's namespace and files. */
  const step = (number: number): Promise<Output> => {
    const [, block = ''] = new RegExp(`^${number}\\. [^]*?\`\`\`sh\\n([^]*?)\`\`\``, 'm').exec(text) ?? [];
    const file = join(folder, 'data-plane.yaml');
    writeFileSync(file, toYaml(manifests.filter(({ apiVersion }) => apiVersion.includes('strimzi'))));
    const commands = block
      .replaceAll('-n taskstream', `-n ${namespace}`)
      .replaceAll('dist/production/0001-data-plane.k8s.yaml', file)
      .replace('npm run synth -- production', '');
    return run('bash', ['-euo', 'pipefail', '-c', commands], {
      env: { PATH: [dirname(inject('kubectl')), process.env['PATH']].join(delimiter) },
    });
  };

  it('lets topics go that wait for their operator, makes Kafka again without them, and gives it the id of its volumes', async () => {
    // As Strimzi's topic operator has it, which would delete the topic in Kafka before it lets go.
    const finalizers = JSON.stringify({ metadata: { finalizers: ['strimzi.io/topic-operator'] } });
    for (const topic of ['tasks', 'tasks.dlq']) {
      await mustKubectl(['-n', namespace, 'patch', 'kafkatopic', topic, '--type=merge', '-p', finalizers]);
    }
    await mustKubectl(['-n', namespace, 'delete', 'kafka,kafkanodepool,kafkatopic', '--all', '--wait=false']);
    expect(await kept()).toContainEqual(expect.stringMatching(/^KafkaTopic tasks /));

    expect(await step(2)).toMatchObject({ code: 0 });
    await waitFor('topics to go', async () => !(await kept()).some((object) => object.startsWith('KafkaTopic')));
    expect(await step(3)).toMatchObject({ code: 0 });
    const again = (await kept()).filter((object) => object.startsWith('Kafka'));
    expect(again.map((object) => object.split(' ')[0])).toEqual(['Kafka', 'KafkaNodePool']);
    expect(await step(4)).toMatchObject({ code: 0 });
    const kafka = await getJson('-n', namespace, 'kafka', 'taskstream');
    expect(kafka.status.clusterId).toBe('THE-ID');
    expect(kafka.metadata.annotations).not.toHaveProperty(['strimzi.io/pause-reconciliation']);
    // Applied again, the topics are there for the operator to find.
    expect((await kubectl(['apply', '-f', '-'], toYaml(ofKind(manifests, 'KafkaTopic')))).code).toBe(0);
  });
});
