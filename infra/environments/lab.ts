/** The test cluster: images from the host, and the embedded servers on the host, which listen without TLS. */
import type { Environment } from './schema.ts';

export const lab: Environment = {
  name: 'lab',
  namespace: 'taskstream',
  images: { api: 'taskstream/api:lab', indexer: 'taskstream/indexer:lab', pullPolicy: 'Never' },
  api: {
    minReplicas: 2,
    maxReplicas: 2,
    targetCpuPercent: 80,
    resources: { cpuRequest: '50m', memory: '384Mi' },
  },
  ingress: { host: 'tasks.localhost', className: 'traefik', namespace: 'operators' },
  indexer: {
    minReplicas: 1,
    lagThreshold: 100,
    pollingSeconds: 2,
    scaleDownStabilizationSeconds: 10,
    resources: { cpuRequest: '50m', memory: '384Mi' },
  },
  topic: { partitions: 6, replicas: 1, minInsyncReplicas: 1 },
  verify: {
    schedule: '15 3 * * *',
    suspend: true,
    resources: { cpuRequest: '50m', memory: '384Mi' },
  },
  index: { shards: 1, replicas: 0 },
  servers: {
    kind: 'external',
    address: '10.244.0.1',
    kafkaPort: 29_092,
    elasticsearchPort: 29_200,
    postgresPort: 25_432,
    postgresSecret: 'taskstream-db-app',
  },
  consumers: [],
  console: true,
  monitoring: false,
  runbooksUrl: 'https://git.example.com/taskstream/taskstream/blob/main/docs/runbooks',
  monitoringNamespace: 'monitoring',
  kedaNamespace: 'operators',
  operatorsNamespace: 'operators',
};
