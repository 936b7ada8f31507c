/** What the environments have in common; each file beside this one has its differences. */
import type { Environment } from './schema.ts';

/** Of every environment. */
export const base = {
  namespace: 'taskstream',
  ingress: { className: 'traefik', namespace: 'operators' },
  service: {},
  jobs: {},
  networkPolicy: {},
  verify: { schedule: '15 3 * * *' },
  index: { shards: 1 },
  consumers: [] as Environment['consumers'],
  runbooksUrl: 'https://git.example.com/taskstream/taskstream/blob/main/docs/runbooks',
  monitoringNamespace: 'monitoring',
  kedaNamespace: 'operators',
  operatorsNamespace: 'operators',
};

const resources = { cpuRequest: '50m', memory: '384Mi' };

/** Of those that fit one machine: small, one copy of the data, and a person who watches instead of Prometheus. */
export const small = {
  ...base,
  api: { minReplicas: 1, maxReplicas: 2, targetCpuPercent: 80, databasePoolSize: 12, relayLanes: 1, resources },
  ingress: { host: 'tasks.localhost', ...base.ingress },
  indexer: {
    minReplicas: 1,
    lagThreshold: 2_000,
    pollingSeconds: 5,
    scaleDownStabilizationSeconds: 60,
    groupProtocol: 'consumer' as Environment['indexer']['groupProtocol'],
    resources,
  },
  topic: { partitions: 12, replicas: 1, minInsyncReplicas: 1 },
  verify: { ...base.verify, suspend: true, resources },
  index: { ...base.index, replicas: 0 },
  auth: { kind: 'none' } as Environment['auth'],
  console: true,
  monitoring: false,
};
