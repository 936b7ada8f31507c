/** The test cluster: images from the host, and the embedded servers on the host, which listen without TLS. */
import { small } from './base.ts';
import type { Environment } from './schema.ts';

export const lab: Environment = {
  ...small,
  name: 'lab',
  images: { api: 'taskstream/api:lab', indexer: 'taskstream/indexer:lab', pullPolicy: 'Never' },
  api: { ...small.api, minReplicas: 2 },
  indexer: { ...small.indexer, lagThreshold: 100, pollingSeconds: 2, scaleDownStabilizationSeconds: 10 },
  topic: { ...small.topic, partitions: 6 },
  servers: {
    kind: 'external',
    address: '10.244.0.1',
    kafkaPort: 29_092,
    elasticsearchPort: 29_200,
    postgresPort: 25_432,
    postgresMaxConnections: 300,
    postgresSecret: 'taskstream-db-app',
  },
};
