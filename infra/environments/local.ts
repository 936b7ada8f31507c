/** kind on a laptop: one of everything, small, with the same TLS, users and policies as production. */
import type { Environment } from './schema.ts';

export const local: Environment = {
  name: 'local',
  namespace: 'taskstream',
  images: { api: 'taskstream/api:dev', indexer: 'taskstream/indexer:dev', pullPolicy: 'IfNotPresent' },
  api: {
    minReplicas: 1,
    maxReplicas: 2,
    targetCpuPercent: 80,
    resources: { cpuRequest: '50m', memory: '384Mi' },
  },
  ingress: { host: 'tasks.localhost', className: 'traefik', namespace: 'operators' },
  indexer: {
    minReplicas: 1,
    lagThreshold: 500,
    pollingSeconds: 5,
    scaleDownStabilizationSeconds: 60,
    resources: { cpuRequest: '50m', memory: '384Mi' },
  },
  topic: { partitions: 12, replicas: 1, minInsyncReplicas: 1 },
  verify: {
    schedule: '15 3 * * *',
    suspend: true,
    resources: { cpuRequest: '50m', memory: '384Mi' },
  },
  index: { shards: 1, replicas: 0 },
  servers: {
    kind: 'operators',
    kafka: {
      nodePools: [
        {
          name: 'dual-role',
          roles: ['controller', 'broker'],
          replicas: 1,
          volume: { size: '2Gi' },
          resources: { cpuRequest: '100m', memory: '1Gi' },
        },
      ],
      entityOperator: { cpuRequest: '50m', memory: '384Mi' },
    },
    elasticsearch: {
      version: '9.2.0',
      nodes: 1,
      volume: { size: '2Gi' },
      resources: { cpuRequest: '100m', memory: '1536Mi' },
      allowMmap: false,
    },
    postgres: { instances: 1, volume: { size: '1Gi' }, resources: { cpuRequest: '50m', memory: '256Mi' } },
  },
  // docs/examples/consumer.ts, as another team would run it.
  consumers: [{ name: 'example', namespace: 'default', topics: ['tasks'] }],
  console: true,
  monitoring: false,
  runbooksUrl: 'https://git.example.com/taskstream/taskstream/blob/main/docs/runbooks',
  monitoringNamespace: 'monitoring',
  kedaNamespace: 'operators',
  operatorsNamespace: 'operators',
};
