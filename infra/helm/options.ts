/** Settings that change the shape of the manifests, and not only a word in them. */
import { NO_ADDITIONS, POD_OWNERS } from '../environments/pods.ts';
import type { Environment } from '../environments/schema.ts';
import { POLICY_PODS, referenceOf } from './placeholders.ts';

export interface Option {
  /** When it is on, as a Go template says it. */
  readonly condition: string;
  /** The environment with it off. */
  readonly off: (environment: Environment) => Environment;
}

const without = (path: string): Option => ({
  condition: referenceOf(path),
  off: (environment) => edited(environment, path, (parent, key) => Reflect.deleteProperty(parent, key)),
});
const unset = (path: string, value: unknown, condition = referenceOf(path)): Option => ({
  condition,
  off: (environment) => edited(environment, path, (parent, key) => (parent[key] = value)),
});

export const OPTIONS: readonly Option[] = [
  unset('console', false),
  unset('monitoring', false),
  without('ingress.tlsSecret'),
  without('auth.oidc'),
  without('auth.oidc.login'),
  // Before those within it: their conditions stand inside its own.
  without('otlp'),
  without('otlp.egress.namespace'),
  without('otlp.egress.cidrs'),
  without('networkPolicy.apiServerPort'),
  without('networkPolicy.dnsCidrs'),
  without('zoneLabel'),
  without('api.rateLimitPerMinute'),
  without('api.corsOrigins'),
  ...POD_OWNERS.flatMap((owner) => [without(`${owner}.priorityClassName`), without(`${owner}.logLevel`)]),
  without('api.resources.cpuLimit'),
  without('indexer.resources.cpuLimit'),
  without('verify.resources.cpuLimit'),
  unset('verify.suspend', false),
  without('servers.kafka.nodePools.0.volume.storageClass'),
  without('servers.kafka.nodePools.0.resources.cpuLimit'),
  without('servers.kafka.entityOperator.cpuLimit'),
  without('servers.kafka.cruiseControl'),
  without('servers.kafka.cruiseControl.cpuLimit'),
  without('servers.elasticsearch.volume.storageClass'),
  without('servers.elasticsearch.resources.cpuLimit'),
  unset('servers.elasticsearch.allowMmap', false),
  without('servers.elasticsearch.exporter'),
  without('servers.elasticsearch.exporter.resources.cpuLimit'),
  without('servers.postgres.volume.storageClass'),
  without('servers.postgres.walVolume'),
  without('servers.postgres.walVolume.storageClass'),
  unset('servers.postgres.expandInUse', false),
  // Before those within it: their conditions stand inside its own.
  without('servers.postgres.backup'),
  without('servers.postgres.backup.endpointUrl'),
  without('servers.postgres.backup.caSecret'),
  without('servers.postgres.backup.checksums'),
  without('servers.postgres.backup.overdueHours'),
  without('servers.postgres.backup.egress'),
  without('servers.postgres.backup.resources.cpuLimit'),
  without('servers.postgres.restoreFrom'),
  without('servers.postgres.restoreFrom.time'),
  without('servers.postgres.resources.cpuLimit'),
  unset('servers.postgres.instances', 1, 'gt (int64 $.Values.servers.postgres.instances) 1'),
];

/** What stands in place of something else: the base has the other. */
export interface Alternative {
  readonly condition: string;
  readonly on: (environment: Environment) => Environment;
}

export const ALTERNATIVES: readonly Alternative[] = [
  {
    condition: referenceOf('httpRoute'),
    on: (environment) => ({ ...environment, httpRoute: { parentRefs: [], annotations: {} } }),
  },
];

/** The environment that has everything: production, and what it leaves out. */
export const withEverything = (production: Environment): Environment => {
  const { servers, api, indexer, verify, ingress, jobs, auth } = production;
  const { oidc } = auth;
  const { kafka, elasticsearch, postgres } = servers;
  if (kafka.kind !== 'operated' || elasticsearch.kind !== 'operated' || postgres.kind !== 'operated') {
    throw new Error('production has servers of its own');
  }
  if (oidc === undefined) throw new Error('production asks who is calling');
  const limited = <T extends { readonly resources: object }>(owner: T): T => ({
    ...owner,
    resources: { ...owner.resources, cpuLimit: '1' },
  });
  const open = <T extends object>(owner: T) => ({
    ...owner,
    ...NO_ADDITIONS,
    priorityClassName: 'any',
    logLevel: 'info' as const,
  });
  const stored = <T extends { readonly volume: object }>(owner: T): T => ({
    ...owner,
    volume: { ...owner.volume, storageClass: 'any' },
  });
  return {
    ...production,
    auth: { ...auth, oidc: { ...oidc, login: { url: 'any', clientId: 'any', secret: 'any' } } },
    console: true,
    monitoring: true,
    consumers: [{ name: 'any', namespace: 'any', topics: ['tasks'] }],
    api: { ...open(limited(api)), rateLimitPerMinute: 1, corsOrigins: 'any' },
    service: { annotations: {}, labels: {} },
    indexer: open(limited(indexer)),
    jobs: open(jobs),
    otlp: { endpoint: 'any', egress: { namespace: 'any', cidrs: ['any'], port: 1 } },
    networkPolicy: {
      ...Object.fromEntries(POLICY_PODS.map((setting) => [setting, {}])),
      apiServerPort: 1,
      dnsCidrs: ['any'],
    },
    verify: { ...limited(verify), suspend: true },
    ingress: { ...ingress, tlsSecret: 'any', annotations: {} },
    servers: {
      kafka: {
        ...kafka,
        nodePools: kafka.nodePools.map((pool) => limited(stored(pool))),
        entityOperator: { ...kafka.entityOperator, cpuLimit: '1' },
        cruiseControl: { cpuRequest: 'any', cpuLimit: '1', memory: 'any' },
      },
      elasticsearch: {
        ...limited(stored(elasticsearch)),
        allowMmap: true,
        exporter: { image: 'any', resources: { cpuRequest: 'any', cpuLimit: '1', memory: 'any' } },
      },
      postgres: {
        ...limited(stored(postgres)),
        walVolume: { size: 'any', storageClass: 'any' },
        expandInUse: true,
        backup: {
          destinationPath: 'any',
          endpointUrl: 'any',
          caSecret: 'any',
          checksums: 'when_required',
          secret: 'any',
          schedule: 'any',
          overdueHours: 1,
          retention: 'any',
          serverName: 'any',
          egress: { cidrs: ['any'], port: 1 },
          resources: { cpuRequest: 'any', cpuLimit: '1', memory: 'any' },
        },
        restoreFrom: { serverName: 'any', time: 'any' },
      },
    },
  };
};

type Settings = Record<string, unknown>;

const edited = (
  environment: Environment,
  path: string,
  edit: (parent: Settings, key: string) => unknown,
): Environment => {
  const copy = structuredClone(environment);
  const keys = path.split('.');
  const key = keys.pop() ?? '';
  let parent = copy as unknown as Settings;
  for (const step of keys) parent = parent[step] as Settings;
  edit(parent, key);
  return copy;
};
