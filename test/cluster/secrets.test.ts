import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { manifestsOf, podsOf, secretKeysOf, type SecretRef } from '../support/manifests.ts';
import { waitFor } from '../support/wait.ts';
import {
  deleteNamespace,
  getJson,
  isolated,
  kubectl,
  mustKubectl,
  opsWith,
  run,
  toYaml,
  type Output,
} from './support/cluster.ts';

const environment = { ...isolated('local'), images: { ...inject('images'), pullPolicy: 'IfNotPresent' as const } };
const { namespace } = environment;
const manifests = manifestsOf(environment);
const inNamespace = ['-n', namespace] as const;
const [secretsJob] = podsOf(manifests).filter(({ name }) => name.startsWith('taskstream-secrets-'));
const passwords = (secretsJob?.pod.spec.containers[0] as unknown as { args: string[] }).args.slice(2);
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'taskstream-cluster-'));
  await mustKubectl(['apply', '-f', '-'], toYaml(manifests));
});
afterAll(async () => {
  await deleteNamespace(namespace);
  rmSync(folder, { recursive: true, force: true });
});

const secret = async (name: string): Promise<Record<string, string>> =>
  (await getJson(...inNamespace, 'secret', name)).data as Record<string, string>;

/** `ops secrets` as its Job runs it: with a token of the Job's own account. */
const opsSecrets = async (...keys: readonly string[]): Promise<Output> => {
  const token = (await mustKubectl([...inNamespace, 'create', 'token', 'taskstream-secrets'])).trim();
  const config = JSON.parse(await mustKubectl(['config', 'view', '--raw', '--minify', '--flatten', '-o', 'json']));
  const kubeconfig = join(folder, 'token.kubeconfig');
  config.users = [{ name: 'job', user: { token } }];
  config.contexts = [{ name: 'job', context: { cluster: config.clusters[0].name, user: 'job', namespace } }];
  config['current-context'] = 'job';
  writeFileSync(kubeconfig, JSON.stringify(config));
  return opsWith({ KUBECONFIG: kubeconfig }, 'secrets', ...keys);
};

describe('passwords that no operator makes', () => {
  it('are made by the Job, in its pod', async () => {
    const name = secretsJob?.name ?? '';
    await mustKubectl([...inNamespace, 'wait', '--for=condition=Complete', `job/${name}`, '--timeout=90s']);
    const log = await mustKubectl([...inNamespace, 'logs', `job/${name}`]);
    expect(log.match(/password made/g)).toHaveLength(passwords.length);
  });

  it('are made once, also when two jobs run at once, and stay through every later run and apply', async () => {
    for (const key of passwords) {
      const [name = ''] = key.split('/');
      const patch = JSON.stringify([{ op: 'remove', path: '/data/password' }]);
      await mustKubectl([...inNamespace, 'patch', 'secret', name, '--type=json', '-p', patch]);
    }
    const outputs = await Promise.all(Array.from({ length: 4 }, () => opsSecrets(...passwords)));
    expect(outputs.map(({ code, stderr }) => [code, stderr])).toEqual(outputs.map(() => [0, '']));
    const made = outputs.flatMap(({ stdout }) => stdout.match(/password made/g) ?? []);
    expect(made).toHaveLength(passwords.length);

    const before = await Promise.all(passwords.map((key) => secret(key.split('/')[0] ?? '')));
    for (const { password } of before) expect(Buffer.from(password ?? '', 'base64').toString()).toMatch(/^[\w-]{32}$/);
    await mustKubectl(['apply', '-f', '-'], toYaml(manifests));
    expect((await opsSecrets(...passwords)).stdout.match(/kept/g)).toHaveLength(passwords.length);
    expect(await Promise.all(passwords.map((key) => secret(key.split('/')[0] ?? '')))).toEqual(before);
  });

  it('are taken over by ECK, each user with its role', async () => {
    await waitFor(
      'ECK to load the users',
      async () => {
        const realm = await secret('taskstream-es-xpack-file-realm');
        const text = (key: string) => Buffer.from(realm[key] ?? '', 'base64').toString();
        return ['api', 'indexer', 'ops'].every(
          (client) =>
            text('users').includes(`taskstream-${client}:$2`) &&
            text('users_roles').includes(`taskstream-${client}:taskstream-${client}`) &&
            text('roles.yml').includes(`taskstream-${client}:`),
        );
      },
      { timeoutMs: 180_000 },
    );
  });

  it('are all that the job may touch', async () => {
    const account = `--as=system:serviceaccount:${namespace}:taskstream-secrets`;
    const may = async (...what: readonly string[]) =>
      (await kubectl([...inNamespace, 'auth', 'can-i', ...what, account])).stdout.trim();
    expect(await may('patch', 'secret/taskstream-es-api')).toBe('yes');
    expect(await may('get', 'secret/taskstream-es-elastic-user')).toBe('no');
    expect(await may('create', 'secrets')).toBe('no');
    expect(await may('list', 'secrets')).toBe('no');
    expect(await may('delete', 'secret/taskstream-es-api')).toBe('no');
  });

  it('are not made for a Secret that is not there: the message says what to do', async () => {
    const answer = await run(process.execPath, [
      '--import',
      'tsx',
      'services/ops/main.ts',
      'secrets',
      '-n',
      namespace,
      'nobody/password',
    ]);
    expect([answer.code, answer.stderr]).toEqual([
      1,
      expect.stringContaining('apply the manifests, which have it, first'),
    ]);
  });
});

describe('what workloads read', () => {
  /** Made by Strimzi, whose operator the lab lacks: names and keys as its documentation gives them. */
  const STRIMZI = [
    'taskstream-cluster-ca-cert',
    'taskstream-api',
    'taskstream-indexer',
    'taskstream-keda',
    'taskstream-ops',
  ];

  it('is there, made by the real operators: every Secret and key', async () => {
    const wanted = podsOf(manifests).flatMap(({ pod }) => secretKeysOf(pod));
    const theirs = wanted.filter(({ name }) => !STRIMZI.includes(name));
    expect(new Set(theirs.map(({ name }) => name)).size).toBeGreaterThanOrEqual(6);
    await waitFor(
      'the operators to make their Secrets',
      async () => {
        const all = (await getJson(...inNamespace, 'secrets')).items as { metadata: { name: string }; data?: object }[];
        const missing = ({ name, key }: SecretRef) =>
          !all.some(({ metadata, data = {} }) => metadata.name === name && key in data);
        const absent = theirs.filter(missing).map(({ name, key }) => `${name}/${key}`);
        if (absent.length > 0) throw new Error(`absent: ${absent.join(', ')}`);
        return true;
      },
      { timeoutMs: 180_000 },
    );
  });

  it('names servers that the operators make: the Services, and what the connection URL says', async () => {
    await waitFor(
      'the Services',
      async () => {
        const { items } = (await getJson(...inNamespace, 'services')) as { items: { metadata: { name: string } }[] };
        const names = items.map(({ metadata }) => metadata.name);
        return ['taskstream-db-rw', 'taskstream-es-http', 'taskstream-api'].every((name) => names.includes(name));
      },
      { timeoutMs: 180_000 },
    );
    const { uri } = await secret('taskstream-db-app');
    expect(Buffer.from(uri ?? '', 'base64').toString()).toMatch(
      new RegExp(`@taskstream-db-rw\\.${namespace}:5432/taskstream$`),
    );
  });
});

it('pods of the operators are admitted by the namespace, which enforces "restricted", and may write to their volumes', async () => {
  const pods = await waitFor(
    'a pod of Elasticsearch and of PostgreSQL',
    async () => {
      const items = (await getJson(...inNamespace, 'pods')).items as {
        metadata: { name: string };
        spec: { securityContext: { fsGroup?: number } };
      }[];
      const found = ['taskstream-es-default-0', 'taskstream-db-1-initdb'].map((start) =>
        items.find(({ metadata }) => metadata.name.startsWith(start)),
      );
      return found.every((pod) => pod !== undefined) ? found : undefined;
    },
    { timeoutMs: 180_000 },
  );
  // The groups of the users in ECK's and CloudNativePG's images: a volume that belongs to root is theirs by them.
  expect(pods.map((pod) => pod.spec.securityContext.fsGroup)).toEqual([1_000, 26]);
});
