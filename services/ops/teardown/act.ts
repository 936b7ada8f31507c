/** What `ops teardown` does. */
import { TaskstreamError } from '../../platform/errors.ts';
import { connectToCluster } from '../cli/kubernetes.ts';
import type { ClusterOptions } from '../cli/cluster-options.ts';
import { teardown } from './teardown.ts';

export const tearDown = async ({ timeout, yes, ...options }: ClusterOptions & { timeout: number; yes?: boolean }) => {
  const cluster = connectToCluster(options);
  if (!yes) {
    throw new TaskstreamError(
      'invalid_configuration',
      `This deletes all tasks, events and indices in namespace ${cluster.namespace}. If you mean it, add --yes.`,
    );
  }
  await teardown(cluster, timeout * 1_000, (line) => process.stderr.write(`${line}\n`));
};
