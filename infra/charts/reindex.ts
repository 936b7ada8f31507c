/**
 * The search index anew, when a person asks for it: `kubectl create job --from=cronjob/taskstream-reindex reindex-now`.
 * A CronJob that never comes due is how Kubernetes keeps a Job ready that somebody may start.
 */
import { Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import type { Connection } from '../constructs/connection.ts';
import { ScheduledJob } from '../constructs/workload.ts';
import { JOB_POOL_SIZE } from '../environments/connections.ts';
import type { Environment } from '../environments/schema.ts';
import type { Servers } from './data-plane.ts';
import { OPS } from './setup.ts';

export const REINDEX = 'reindex';
/** Pages and batches are bounded, whatever the number of tasks. */
const RESOURCES = { cpuRequest: '250m', memory: '768Mi' };
const DEADLINE_SECONDS = 24 * 60 * 60;
/** Any would do: it is suspended. */
const SCHEDULE = '0 0 1 1 *';

/** What it reaches; the network policies are made of the same list. */
export const reindexConnections = (servers: Servers): readonly Connection[] => [
  servers.database,
  servers.kafka('ops'),
  servers.search('ops'),
];

export class ReindexChart extends Chart {
  constructor(scope: Construct, id: string, environment: Environment, servers: Servers) {
    super(scope, id, { namespace: environment.namespace, disableResourceNameHashes: true });
    const { images, index, jobs } = environment;
    new ScheduledJob(this, 'job', {
      component: REINDEX,
      name: `taskstream-${REINDEX}`,
      image: images.api,
      pullPolicy: images.pullPolicy,
      args: [OPS, 'reindex'],
      connections: reindexConnections(servers),
      env: {
        DATABASE_POOL_SIZE: { value: String(JOB_POOL_SIZE) },
        INDEX_SHARDS: { value: String(index.shards) },
        INDEX_REPLICAS: { value: String(index.replicas) },
      },
      resources: RESOURCES,
      settings: jobs,
      schedule: SCHEDULE,
      suspend: true,
      deadlineSeconds: DEADLINE_SECONDS,
    });
  }
}
