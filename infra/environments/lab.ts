/** The test cluster: images from the host, and the embedded servers on the host, which listen without TLS. */
import { small } from './base.ts';
import type { Environment } from './schema.ts';

/** The host, as pods see it. */
const ADDRESS = '10.244.0.1';

export const lab: Environment = {
  ...small,
  name: 'lab',
  images: { api: 'taskstream/api:lab', indexer: 'taskstream/indexer:lab', pullPolicy: 'Never' },
  api: { ...small.api, minReplicas: 2 },
  indexer: { ...small.indexer, lagThreshold: 100, pollingSeconds: 2, scaleDownStabilizationSeconds: 10 },
  topic: { ...small.topic, partitions: 6 },
  servers: {
    kafka: {
      kind: 'managed',
      brokers: `${ADDRESS}:29092`,
      tls: false,
      login: 'none',
      egress: { cidrs: [`${ADDRESS}/32`], port: 29_092 },
    },
    elasticsearch: {
      kind: 'managed',
      url: `http://${ADDRESS}:29200`,
      login: 'none',
      egress: { cidrs: [`${ADDRESS}/32`], port: 29_200 },
    },
    postgres: {
      kind: 'managed',
      tls: 'disable',
      maxConnections: 300,
      ownerSecret: 'taskstream-db-app',
      serviceSecret: 'taskstream-db-app',
      egress: { cidrs: [`${ADDRESS}/32`], port: 25_432 },
    },
  },
};
