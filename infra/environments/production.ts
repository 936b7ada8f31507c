/** Three of everything, in three zones, TLS and authentication everywhere. Replace host, images and storage by yours. */
import { VERSION } from '../version.ts';
import { base } from './base.ts';
import type { Environment } from './schema.ts';

export const production: Environment = {
  ...base,
  name: 'production',
  images: {
    api: `registry.example.com/taskstream/api:${VERSION}`,
    indexer: `registry.example.com/taskstream/indexer:${VERSION}`,
    pullPolicy: 'IfNotPresent',
  },
  api: {
    minReplicas: 3,
    maxReplicas: 12,
    targetCpuPercent: 70,
    databasePoolSize: 12,
    relayLanes: 1,
    resources: { cpuRequest: '500m', memory: '512Mi' },
  },
  ingress: { host: 'tasks.example.com', ...base.ingress, tlsSecret: 'tasks-tls' },
  indexer: {
    minReplicas: 2,
    lagThreshold: 5_000,
    pollingSeconds: 10,
    groupProtocol: 'consumer',
    scaleDownStabilizationSeconds: 300,
    resources: { cpuRequest: '500m', memory: '512Mi' },
  },
  topic: { partitions: 12, replicas: 3, minInsyncReplicas: 2 },
  verify: {
    ...base.verify,
    suspend: false,
    resources: { cpuRequest: '250m', memory: '512Mi' },
  },
  index: { ...base.index, replicas: 1 },
  zoneLabel: 'topology.kubernetes.io/zone',
  servers: {
    kafka: {
      kind: 'operated',
      version: '4.3.1',
      metadataVersion: '4.3-IV0',
      nodePools: [
        {
          name: 'controller',
          roles: ['controller'],
          replicas: 3,
          volume: { size: '10Gi' },
          resources: { cpuRequest: '250m', memory: '1Gi' },
        },
        {
          name: 'broker',
          roles: ['broker'],
          replicas: 3,
          volume: { size: '100Gi' },
          resources: { cpuRequest: '1', memory: '4Gi' },
        },
      ],
      entityOperator: { cpuRequest: '100m', memory: '512Mi' },
    },
    elasticsearch: {
      kind: 'operated',
      version: '9.2.0',
      nodes: 3,
      volume: { size: '100Gi' },
      resources: { cpuRequest: '1', memory: '4Gi' },
      allowMmap: true,
    },
    postgres: {
      kind: 'operated',
      instances: 3,
      maxConnections: 250,
      volume: { size: '50Gi' },
      expandInUse: true,
      resources: { cpuRequest: '1', memory: '4Gi' },
      memory: { sharedBuffers: '1GB', effectiveCacheSize: '3GB', workMem: '8MB', maintenanceWorkMem: '256MB' },
    },
  },
  auth: {
    kind: 'oidc',
    oidc: {
      issuer: 'https://id.example.com/realms/acme',
      audience: 'https://tasks.example.com',
      egress: { cidrs: ['192.0.2.0/24'], port: 443 },
    },
  },
  console: false,
  monitoring: true,
};
