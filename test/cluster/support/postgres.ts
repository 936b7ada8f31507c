/** PostgreSQL of the product, run by its operator. */
import { inject } from 'vitest';
import { local } from '../../../infra/environments/local.ts';
import type { OperatedPostgres } from '../../../infra/environments/schema.ts';
import type { Task } from '../../../services/task/task.ts';
import { find, type Manifest } from '../../support/manifests.ts';
import { getJson } from './cluster.ts';
import type { Product } from './product.ts';

export const CLUSTER = 'taskstream-db';

/** As the environment `local` has it. */
export const operatedPostgres = (): OperatedPostgres => {
  const { postgres } = local.servers;
  if (postgres.kind !== 'operated') throw new Error('the environment "local" has no PostgreSQL of its operator');
  return postgres;
};

/** All that differs from the product's own: an image that the node has, and instances that may share the one node. */
export const onOneNode = (manifests: readonly Manifest[]): readonly Manifest[] => {
  const { spec } = find(manifests, 'Cluster', CLUSTER);
  const image = inject('postgresImage');
  if (image !== '') spec.imageName = image;
  spec.affinity.podAntiAffinityType = 'preferred';
  return manifests;
};

export interface ClusterStatus {
  readonly phase: string;
  readonly currentPrimary: string;
  readonly targetPrimary: string;
  readonly readyInstances: number;
}
export const statusOf = async ({ namespace }: Product): Promise<ClusterStatus> =>
  (await getJson('-n', namespace, 'clusters.postgresql.cnpg.io', CLUSTER)).status as ClusterStatus;

/** Asks the primary, as the operator has it. */
export const query = async (product: Product, sql: string): Promise<string> => {
  const { currentPrimary } = await statusOf(product);
  const command = ['psql', '-d', 'taskstream', '-Atqc', sql];
  return (await product.kubectl('exec', currentPrimary, '-c', 'postgres', '--', ...command)).trim();
};

/** JSON of each row, by id. */
export const rowsOf = async (product: Product): Promise<Map<string, Task>> => {
  const lines = (await query(product, 'SELECT task_json(tasks) FROM tasks')).split('\n').filter((line) => line !== '');
  return new Map(lines.map((line) => JSON.parse(line) as Task).map((task) => [task.id, task]));
};

/** An instance would take up to half an hour to stop when nobody is left to confirm its last commits. */
export const removeInstances = async (product: Product): Promise<void> => {
  await product.kubectl('delete', 'clusters.postgresql.cnpg.io', CLUSTER, '--wait=false', '--ignore-not-found');
  await product.kubectl('delete', 'pods', '-l', `cnpg.io/cluster=${CLUSTER}`, '--force', '--grace-period=0');
};
