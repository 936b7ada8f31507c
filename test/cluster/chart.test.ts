import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { environmentOf, environments } from '../../infra/environments/index.ts';
import { MEMORY_SETTINGS } from '../../infra/environments/postgres-memory.ts';
import { parseEnvironment, type Environment } from '../../infra/environments/schema.ts';
import { valuesOf, valuesOver } from '../../infra/helm/values.ts';
import { ADDITIONS } from '../support/additions.ts';
import { BACKUP, LEAST_BACKUP, withBackup } from '../support/backup.ts';
import { fluxValuesOf } from '../support/flux-values.ts';
import { MANAGED } from '../support/managed-servers.ts';
import { manifestsOf, type Manifest } from '../support/manifests.ts';
import { WITH_CRUISE_CONTROL, WITH_EXPORTER } from '../support/server-options.ts';
import { run, type Output } from './support/cluster.ts';

const chart = join(import.meta.dirname, '../../charts/taskstream');
const { servers: lab } = environmentOf('lab');
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'taskstream-chart-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const helm = (...args: readonly string[]): Promise<Output> => run(inject('helm'), args);

/** `helm template` with values given as a file beside the defaults. */
const template = (namespace: string, ...flags: readonly string[]): Promise<Output> =>
  helm('template', 'taskstream', chart, '-n', namespace, '--set', 'createNamespace=true', ...flags);

const valuesFile = (values: unknown): string => {
  const file = join(folder, `${Math.random().toString(36).slice(2)}.yaml`);
  writeFileSync(file, stringify(values));
  return file;
};

const byName = (manifests: readonly Manifest[]) =>
  new Map(manifests.map((manifest) => [`${manifest.kind} ${manifest.metadata.name}`, manifest]));

const expectEqual = ({ code, stdout, stderr }: Output, environment: Environment) => {
  expect([code, stderr]).toEqual([0, '']);
  const objects = parseAllDocuments(stdout)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);
  const wanted = manifestsOf(environment);
  expect(objects).toHaveLength(wanted.length);
  expect(byName(objects)).toEqual(byName(wanted));
};

describe('helm template equals the synthesised manifests, object by object', () => {
  it.each(Object.keys(environments))('with the values file of %s', async (name) => {
    const environment = environmentOf(name);
    const flags = name === 'production' ? [] : ['-f', join(chart, `values-${name}.yaml`)];
    expectEqual(await template(environment.namespace, ...flags), environment);
  });

  it.each(['local', 'lab'])(
    'with the values of %s as Flux packages them: merged into the chart, nulls and all',
    async (name) => {
      const environment = environmentOf(name);
      const packaged = join(folder, `flux-${name}`);
      cpSync(chart, packaged, { recursive: true });
      writeFileSync(join(packaged, 'values.yaml'), stringify(fluxValuesOf(name)));
      const output = await helm(
        'template',
        'taskstream',
        packaged,
        '-n',
        environment.namespace,
        '--set',
        'createNamespace=true',
      );
      expectEqual(output, environment);
    },
  );

  const change = (name: string, edit: (environment: any) => void): Environment => {
    const environment = structuredClone(environmentOf(name));
    edit(environment);
    return parseEnvironment(environment);
  };
  it.each<[string, Environment]>([
    [
      'another namespace and other sizes',
      change('local', (e) => {
        e.namespace = 'elsewhere';
        e.topic.partitions = 1_000;
        e.indexer.minReplicas = 0;
        e.indexer.lagThreshold = 1_000_000;
        e.api.resources = { cpuRequest: '1', cpuLimit: '2', memory: '1Gi' };
        e.images.api = `registry.example.com/api@sha256:${'a'.repeat(64)}`;
      }),
    ],
    [
      'everything that is optional',
      change('production', (e) => {
        e.images.pullPolicy = 'Always';
        e.zoneLabel = 'example.com/rack';
        e.index = { shards: 12, replicas: 2 };
        e.servers.kafka.nodePools[1].volume.storageClass = 'fast';
        e.servers.kafka.nodePools[0].resources.cpuLimit = '2';
        e.servers.kafka.entityOperator.cpuLimit = '1';
        e.servers.elasticsearch.volume.storageClass = 'fast';
        e.servers.elasticsearch.resources.cpuLimit = '4';
        e.servers.postgres.volume.storageClass = 'fast';
        e.servers.postgres.walVolume = { size: '20Gi', storageClass: 'faster' };
        e.servers.postgres.resources.cpuLimit = '4';
        e.indexer.resources.cpuLimit = '500m';
      }),
    ],
    [
      'nothing that is optional',
      change('production', (e) => {
        e.monitoring = false;
        delete e.zoneLabel;
        delete e.ingress.tlsSecret;
        e.servers.postgres.instances = 1;
        e.servers.postgres.walVolume = { size: '20Gi' };
        e.servers.postgres.expandInUse = false;
        e.servers.elasticsearch.allowMmap = false;
      }),
    ],
    [
      'servers elsewhere, watched',
      change('lab', (e) => {
        e.monitoring = true;
        e.ingress.tlsSecret = 'certificate';
      }),
    ],
    ['backups of PostgreSQL, with all that they take', withBackup(BACKUP)],
    [
      'backups of PostgreSQL with the least that they take, begun with one',
      withBackup(LEAST_BACKUP, { serverName: 'before' }),
    ],
    [
      'backups of PostgreSQL by another schedule',
      withBackup({ ...LEAST_BACKUP, schedule: '30 2 * * SUN', overdueHours: 180 }),
    ],
    ['a restore up to a time', withBackup(LEAST_BACKUP, { serverName: 'before', time: '2026-11-24T03:00:00Z' })],
    ['Cruise Control', WITH_CRUISE_CONTROL],
    [
      'Cruise Control without a limit of CPU',
      change('production', (e) => (e.servers.kafka.cruiseControl = { cpuRequest: '50m', memory: '1Gi' })),
    ],
    ['an exporter of Elasticsearch', WITH_EXPORTER],
    [
      'an exporter of Elasticsearch without a limit of CPU',
      change('production', (e) => {
        const resources = { cpuRequest: '50m', memory: '128Mi' };
        e.servers.elasticsearch.exporter = { image: 'registry.example.com/exporter:v1', resources };
        e.servers.elasticsearch.nodes = 4;
      }),
    ],
    ...MANAGED,
    ...ADDITIONS,
  ])('with %s', async (_, environment) => {
    // What the defaults have and the environment has not is taken away by a null.
    const values = valuesOver(valuesOf(environmentOf('production')), valuesOf(environment));
    expectEqual(await template(environment.namespace, '-f', valuesFile(values)), environment);
  });
});

describe('values that cannot be used are refused by name', () => {
  it.each<[string, RegExp]>([
    ['topic.partitions=0', /topic\/partitions/],
    ['ingress.host=https://tasks.example.com', /ingress\/host/],
    ['images.api=Not an image', /images\/api/],
    ['api.replicas=3', /api.*replicas/],
    ['api.minReplicas=20', /api\.minReplicas must not be above api\.maxReplicas/],
    ['indexer.minReplicas=13', /indexer\.minReplicas must not be above topic\.partitions/],
    ['topic.minInsyncReplicas=4', /topic\.minInsyncReplicas must not be above topic\.replicas/],
    ['topic.minInsyncReplicas=3', /topic\.minInsyncReplicas must be below topic\.replicas/],
    ['topic.replicas=4', /topic\.replicas must not be above the number of brokers/],
    ['servers.kafka.nodePools[0].replicas=2', /odd number of controllers/],
    ['index.replicas=3', /index\.replicas must be below the number of nodes/],
    ['console=true', /console must be false with auth\.kind oidc, unless auth\.oidc\.login says/],
    ['auth.kind=anybody', /auth\/kind/],
    ['auth.kind=none', /auth\.oidc must be given with auth\.kind oidc, and with no other/],
    ['auth.oidc.issuer=', /auth\/oidc\/issuer/],
    ['servers.postgres.memory.workMem=0MB', /memory\/workMem.*pattern/],
    ['servers.postgres.memory.workMem=1TB', /memory\/workMem.*pattern/],
    ...Object.entries(MEMORY_SETTINGS).flatMap(([name, { least, most }]) =>
      ['7kB', '16384GB'].map((size): [string, RegExp] => [
        `servers.postgres.memory.${name}=${size}`,
        new RegExp(`servers\\.postgres\\.memory\\.${name} must be a size of PostgreSQL from ${least} to ${most}`),
      ]),
    ),
    ['servers.postgres.maxConnections=247', /servers\.postgres\.maxConnections must be at least \(api\.maxReplicas/],
    ['api.databasePoolSize=13', /servers\.postgres\.maxConnections must be at least \(api\.maxReplicas/],
  ])('%s', async (setting, message) => {
    const [path, value] = setting.split(/=(.*)/);
    // A list is replaced as a whole, so the edit is made on the defaults.
    const values = structuredClone(valuesOf(environmentOf('production'))) as never;
    const keys = (path ?? '').replaceAll(/\[(\d+)\]/g, '.$1').split('.');
    let parent: any = values;
    for (const key of keys.slice(0, -1)) parent = parent[key];
    parent[keys.at(-1) ?? ''] = /^(\d+|true)$/.test(value ?? '') ? JSON.parse(value ?? '') : value;
    const { code, stderr } = await template('taskstream', '-f', valuesFile(values));
    expect(stderr).toMatch(message);
    expect(code).not.toBe(0);
  });
});

it.each<[object, RegExp]>([
  [{ api: { env: [{ name: 'TRUST_PROXY', value: 'false' }] } }, /api\.env must not name TRUST_PROXY/],
  [{ indexer: { env: [{ name: 'X' }, { name: 'HEALTH_PORT' }] } }, /indexer\.env must not name HEALTH_PORT/],
  [{ jobs: { podLabels: { 'cnpg.io/cluster': 'x' } } }, /jobs\.podLabels must not name cnpg\.io\/cluster/],
  [
    { service: { labels: { 'app.kubernetes.io/name': 'x' } } },
    /service\.labels must not name app\.kubernetes\.io\/name/,
  ],
  [{ otlp: { endpoint: 'http://otel:4318', egress: { port: 4_318 } } }, /otlp\.egress must have a namespace, or cidrs/],
  [{ api: { podLabels: { team: 'two words' } } }, /api\/podLabels\/team/],
  [{ jobs: { env: [{ name: '1X' }] } }, /jobs\/env\/0\/name/],
])('additions that would undo what the product says are refused: %j', async (values, message) => {
  const { code, stderr } = await template('taskstream', '-f', valuesFile(values));
  expect(stderr).toMatch(message);
  expect(code).not.toBe(0);
});

it('a PostgreSQL elsewhere that takes too few connections is refused where its limit is known, and one that takes enough is not', async () => {
  const values = valuesOf(environmentOf('production'));
  const rendered = (maxConnections: number | null) =>
    template(
      'taskstream',
      '-f',
      valuesFile({ ...values, servers: { postgres: { ...environmentOf('lab').servers.postgres, maxConnections } } }),
    );
  expect((await rendered(247)).stderr).toMatch(/servers\.postgres\.maxConnections must be at least/);
  expect((await rendered(248)).code).toBe(0);
  expect((await rendered(null)).code).toBe(0);
  const fits = structuredClone(environmentOf('production')) as any;
  fits.servers.postgres.maxConnections = 248;
  expectEqual(await template('taskstream', '-f', valuesFile(valuesOf(fits))), fits);
});

it.each<[object, RegExp]>([
  [{ kafka: { ...lab.kafka, login: 'PLAIN' } }, /servers\.kafka\.tls must be true with the logins PLAIN/],
  [{ kafka: { ...lab.kafka, tls: true, login: 'OAUTHBEARER' } }, /servers\.kafka\.oauth must be given/],
  [{ kafka: { ...lab.kafka, caSecret: 'ca' } }, /servers\.kafka\.caSecret is of no use/],
  [{ elasticsearch: { ...lab.elasticsearch, caSecret: 'ca' } }, /servers\.elasticsearch\.caSecret is of no use/],
  [{ postgres: { ...lab.postgres, caSecret: 'ca' } }, /servers\.postgres\.caSecret is of no use/],
  [{ kafka: { kind: 'external' } }, /servers\/kafka/],
])('managed servers that cannot be meant are refused: %j', async (servers, message) => {
  const { code, stderr } = await template('taskstream', '-f', valuesFile({ servers }));
  expect(stderr).toMatch(message);
  expect(code).not.toBe(0);
});

it('Cruise Control with one broker is refused, as Strimzi would refuse all of Kafka', async () => {
  const { servers, topic, ...values } = structuredClone(valuesOf(WITH_CRUISE_CONTROL)) as any;
  servers.kafka.nodePools[1].replicas = 1;
  const one = { ...values, servers, topic: { ...topic, replicas: 1, minInsyncReplicas: 1 } };
  const { code, stderr } = await template('taskstream', '-f', valuesFile(one));
  expect(stderr).toMatch(/servers\.kafka\.cruiseControl needs two brokers or more/);
  expect(code).not.toBe(0);
});

it('an exporter that nobody would scrape is refused', async () => {
  const values = { ...valuesOf(WITH_EXPORTER), monitoring: false };
  const { code, stderr } = await template('taskstream', '-f', valuesFile(values));
  expect(stderr).toMatch(/servers\.elasticsearch\.exporter is of no use without monitoring/);
  expect(code).not.toBe(0);
});

it.each<[object, RegExp]>([
  [{ backup: { ...BACKUP, destinationPath: undefined } }, /servers\/postgres\/backup.*destinationPath/],
  [{ backup: { ...BACKUP, secret: undefined } }, /servers\/postgres\/backup.*secret/],
  [{ backup: { ...BACKUP, endpointUrl: 'http://objects' } }, /backup\.caSecret is of no use without https/],
  [{ backup: { ...BACKUP, endpointUrl: null } }, /backup\.caSecret is of no use without https/],
  [{ backup: { ...BACKUP, checksums: 'never' } }, /servers\/postgres\/backup.*checksums/],
  [{ backup: { ...BACKUP, overdueHours: 24 } }, /backup\.overdueHours must be above 24,/],
  [{ backup: { ...BACKUP, schedule: '30 2 * * SUN', overdueHours: 168 } }, /backup\.overdueHours must be above 168,/],
  [{ backup: { ...BACKUP, schedule: '30 2 1 * *', overdueHours: 744 } }, /backup\.overdueHours must be above 744,/],
  [{ backup: { ...BACKUP, schedule: '30 2 * * 1-5', overdueHours: null } }, /backup\.overdueHours must be given with/],
  [{ restoreFrom: { serverName: 'before' } }, /servers\.postgres\.restoreFrom needs servers\.postgres\.backup/],
  [
    { backup: BACKUP, restoreFrom: { serverName: BACKUP.serverName } },
    /servers\.postgres\.backup\.serverName must be another than restoreFrom\.serverName/,
  ],
])('a backup that is incomplete is refused: %j', async (postgres, message) => {
  const { code, stderr } = await template('taskstream', '-f', valuesFile({ servers: { postgres } }));
  expect(stderr.replaceAll(/\s+/g, ' ')).toMatch(message);
  expect(code).not.toBe(0);
});

it.each(['values.yaml', 'values-local.yaml', 'values-lab.yaml'])('helm lint is clean with %s', async (file) => {
  const { code, stdout } = await helm('lint', chart, '--strict', '-f', join(chart, file));
  expect(stdout).toContain('0 chart(s) failed');
  expect(stdout).not.toMatch(/WARNING|ERROR/);
  expect(code).toBe(0);
});
