/** The comparison of the index with PostgreSQL, every night; it mends nothing by itself. */
import { Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import type { Connection } from '../constructs/connection.ts';
import { ScheduledJob } from '../constructs/workload.ts';
import { JOB_POOL_SIZE } from '../environments/connections.ts';
import type { Environment } from '../environments/schema.ts';
import type { Servers } from './data-plane.ts';
import { OPS } from './setup.ts';

export const VERIFY = 'verify';
const DEADLINE_SECONDS = 6 * 60 * 60;

/** What it reaches; the network policies are made of the same list. */
export const verifyConnections = (servers: Servers): readonly Connection[] => [
  servers.database,
  servers.kafka('ops'),
  servers.search('ops'),
];

export class VerifyChart extends Chart {
  constructor(scope: Construct, id: string, environment: Environment, servers: Servers) {
    super(scope, id, { namespace: environment.namespace, disableResourceNameHashes: true });
    const { images, verify, jobs } = environment;
    new ScheduledJob(this, 'job', {
      component: VERIFY,
      name: `taskstream-${VERIFY}`,
      image: images.api,
      pullPolicy: images.pullPolicy,
      args: [OPS, 'verify', '--grace', '300', '--content', 'alternate', '--json'],
      connections: verifyConnections(servers),
      env: { DATABASE_POOL_SIZE: { value: String(JOB_POOL_SIZE) } },
      resources: verify.resources,
      settings: jobs,
      schedule: verify.schedule,
      suspend: verify.suspend,
      deadlineSeconds: DEADLINE_SECONDS,
    });
  }
}
