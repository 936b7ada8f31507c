import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Environment } from '../../infra/environments/schema.ts';
import { CONSOLE_WITH_LOGIN, EVERYTHING_ADDED, HTTP_ROUTE } from '../support/additions.ts';
import { BACKUP, withBackup } from '../support/backup.ts';
import { manifestsOf, type Manifest } from '../support/manifests.ts';
import { WITH_CRUISE_CONTROL, WITH_EXPORTER } from '../support/server-options.ts';
import { deleteNamespace, isolated, kubectl, mustKubectl, toYaml } from './support/cluster.ts';

const DRY_RUN = ['apply', '--dry-run=server', '--validate=strict', '-f', '-'];

describe.each<[string, Environment]>([
  ...['local', 'lab', 'production'].map((name): [string, Environment] => [name, isolated(name)]),
  ...[
    ['production with all that may be added', EVERYTHING_ADDED] as const,
    ['production with that, and a route of the Gateway API', { ...EVERYTHING_ADDED, httpRoute: HTTP_ROUTE }] as const,
    ['production with a login to the console', CONSOLE_WITH_LOGIN] as const,
    [
      'production with backups of PostgreSQL, begun with one of a time',
      withBackup(BACKUP, { serverName: 'before', time: '2026-11-24T03:00:00Z' }),
    ] as const,
    ['production with an exporter of Elasticsearch', WITH_EXPORTER] as const,
    ['production with Cruise Control', WITH_CRUISE_CONTROL] as const,
  ].map(([name, environment]): [string, Environment] => [
    name,
    { ...environment, namespace: isolated('production').namespace },
  ]),
])('%s', (_, environment) => {
  const manifests = manifestsOf(environment);
  const [namespace, ...rest] = manifests;

  beforeAll(() => mustKubectl(['apply', '-f', '-'], toYaml(namespace === undefined ? [] : [namespace])));
  afterAll(() => deleteNamespace(environment.namespace));

  it('is accepted, object by object, with strict validation and by the webhooks of the operators', async () => {
    const { code, stdout, stderr } = await kubectl(DRY_RUN, toYaml(rest));
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout.trim().split('\n')).toHaveLength(rest.length);
  });

  it('has no pod that Pod Security "restricted" would refuse, and such a pod would be seen', async () => {
    const deployments = rest.filter(({ kind }) => kind === 'Deployment');
    // The API server warns of a Deployment whose pods it would refuse.
    expect((await kubectl(DRY_RUN, toYaml(deployments))).stderr).toBe('');
    const careless = structuredClone(deployments);
    for (const { spec } of careless) spec.template.spec.containers[0].securityContext.allowPrivilegeEscalation = true;
    expect((await kubectl(DRY_RUN, toYaml(careless))).stderr).toContain('would violate PodSecurity "restricted');
  });
});

it('a route of the Gateway API that says something else than the API is refused', async () => {
  const environment = { ...isolated('production'), namespace: 'default', httpRoute: HTTP_ROUTE };
  const route = structuredClone(manifestsOf(environment).find(({ kind }) => kind === 'HTTPRoute'));
  if (route === undefined) throw new Error('there is no HTTPRoute');
  route.spec.rules[0].matches[0].path.type = 'Beginning';
  const { code, stderr } = await kubectl(DRY_RUN, toYaml([route]));
  expect(stderr).toContain('Unsupported value: "Beginning"');
  expect(code).not.toBe(0);
});

it('the orders to move partitions that the runbook gives are accepted, and one of another mode is not', async () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/runbooks/scale-brokers.md'), 'utf8');
  const orders = [...page.matchAll(/<<'EOF'\n([^]*?)^ *EOF$/gm)].map(([, order = '']) => parse(order) as Manifest);
  expect(orders.map(({ spec }) => spec.mode as string)).toEqual(['add-brokers', 'remove-brokers']);
  for (const order of orders) {
    expect(await kubectl(DRY_RUN, toYaml([order]))).toMatchObject({ code: 0, stderr: '' });
    const other = { ...order, spec: { ...order.spec, mode: 'any-brokers' } };
    expect((await kubectl(DRY_RUN, toYaml([other]))).stderr).toContain('Unsupported value: "any-brokers"');
  }
});

describe('a broken variant is refused', () => {
  const environment = isolated('production');
  const manifests = manifestsOf(environment);
  const [namespace, ...rest] = manifests;

  beforeAll(() => mustKubectl(['apply', '-f', '-'], toYaml(namespace === undefined ? [] : [namespace])));
  afterAll(() => deleteNamespace(environment.namespace));

  const broken = (kind: string, edit: (manifest: any) => void): Manifest => {
    const manifest = structuredClone(rest.find((candidate) => candidate.kind === kind));
    if (manifest === undefined) throw new Error(`there is no ${kind}`);
    edit(manifest);
    return manifest;
  };

  it.each<[string, string, (manifest: any) => void, RegExp]>([
    [
      'a misspelt field',
      'Deployment',
      (m) => (m.spec.template.spec.containers[0].imagePullPolice = 'Always'),
      /unknown field/,
    ],
    ['a topic without partitions', 'KafkaTopic', (m) => (m.spec.partitions = 0), /spec\.partitions/],
    [
      'an ACL with an unknown operation',
      'KafkaUser',
      (m) => (m.spec.authorization.acls[0].operations = ['Own']),
      /Unsupported value: "Own"/,
    ],
    ['a node pool without a role', 'KafkaNodePool', (m) => delete m.spec.roles, /spec\.roles/],
    ['a volume of no size', 'Cluster', (m) => (m.spec.storage.size = '50Gx'), /Size value isn't valid/],
    [
      'more synchronous copies than instances',
      'Cluster',
      (m) => (m.spec.postgresql.synchronous.number = 3),
      /synchronous/,
    ],
    [
      'a version that does not exist',
      'Elasticsearch',
      (m) => (m.spec.version = '9.x'),
      /Cannot parse Elasticsearch version/,
    ],
    [
      'two node sets of one name',
      'Elasticsearch',
      (m) => (m.spec.nodeSets = [m.spec.nodeSets[0], m.spec.nodeSets[0]]),
      /[Dd]uplicate|unique/,
    ],
    ['a scaler of nothing', 'ScaledObject', (m) => delete m.spec.scaleTargetRef, /scaleTargetRef/],
    ['a budget without a meaning', 'PodDisruptionBudget', (m) => (m.spec.minAvailable = 1), /cannot be both set/],
    [
      'a policy for a port that cannot be',
      'NetworkPolicy',
      (m) => (m.spec.ingress = [{ ports: [{ port: 70_000 }] }]),
      /70000/,
    ],
  ])('%s', async (_, kind, edit, message) => {
    const { code, stderr } = await kubectl(DRY_RUN, toYaml([broken(kind, edit)]));
    expect(stderr).toMatch(message);
    expect(code).not.toBe(0);
  });
});
