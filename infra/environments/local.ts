/** kind on a laptop: one of everything, small, with the same TLS, users and policies as production. */
import { small } from './base.ts';
import type { Environment } from './schema.ts';

export const local: Environment = {
  ...small,
  name: 'local',
  images: { api: 'taskstream/api:dev', indexer: 'taskstream/indexer:dev', pullPolicy: 'IfNotPresent' },
  servers: {
    kafka: {
      kind: 'operated',
      version: '4.3.1',
      metadataVersion: '4.3-IV0',
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
      kind: 'operated',
      version: '9.2.0',
      nodes: 1,
      volume: { size: '2Gi' },
      resources: { cpuRequest: '100m', memory: '1536Mi' },
      allowMmap: false,
    },
    postgres: {
      kind: 'operated',
      instances: 1,
      maxConnections: 100,
      volume: { size: '1Gi' },
      // kind's storage class makes folders of the node, which nobody measures and nobody can enlarge.
      expandInUse: false,
      resources: { cpuRequest: '50m', memory: '256Mi' },
      memory: { sharedBuffers: '64MB', effectiveCacheSize: '192MB', workMem: '4MB', maintenanceWorkMem: '32MB' },
    },
  },
  // docs/examples/consumer.ts, as another team would run it.
  consumers: [{ name: 'example', namespace: 'default', topics: ['tasks'] }],
};
