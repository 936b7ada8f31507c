/** The indexer: Deployment, scaled by the lag of its group, and its disruption budget. */
import { Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import { PORTS } from '../../services/task/resources.ts';
import { LagScaler } from '../constructs/lag-scaler.ts';
import { PodDisruptionBudget } from '../constructs/pod-disruption-budget.ts';
import { ServiceWorkload, tracesOf } from '../constructs/workload.ts';
import type { Environment } from '../environments/schema.ts';
import type { Servers } from './data-plane.ts';

export const INDEXER = 'indexer';
const SHUTDOWN_DEADLINE_MS = 25_000;

export class IndexerChart extends Chart {
  constructor(scope: Construct, id: string, environment: Environment, servers: Servers) {
    super(scope, id, { namespace: environment.namespace, disableResourceNameHashes: true });
    const { images, indexer, topic, otlp } = environment;
    const workload = new ServiceWorkload(this, 'workload', {
      component: INDEXER,
      image: images.indexer,
      pullPolicy: images.pullPolicy,
      connections: [servers.kafka('indexer'), servers.search('indexer')],
      env: {
        SHUTDOWN_DEADLINE_MS: { value: String(SHUTDOWN_DEADLINE_MS) },
        GROUP_PROTOCOL: { value: indexer.groupProtocol },
        ...tracesOf(otlp),
      },
      settings: indexer,
      resources: indexer.resources,
      ports: { health: PORTS.indexerHealth },
      shutdownDeadlineMs: SHUTDOWN_DEADLINE_MS,
    });
    new LagScaler(this, 'scaler', {
      deployment: workload.name,
      bootstrap: servers.bootstrap,
      indexer,
      partitions: topic.partitions,
      credentials: servers.scalerCredentials,
    });
    new PodDisruptionBudget(this, 'disruption-budget', INDEXER);
  }
}
