/** What `ops status` does. */
import { connectToCluster } from '../cli/kubernetes.ts';
import type { ClusterOptions } from '../cli/cluster-options.ts';
import { readStatus } from './read.ts';
import { isReady, tableOf } from './show.ts';

export const showStatus = async (options: ClusterOptions & { json?: boolean }) => {
  const cluster = connectToCluster(options);
  const rows = await readStatus(cluster, ['data-plane', 'application']);
  if (options.json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
  else if (rows.length > 0) process.stdout.write(`${tableOf(rows)}\n`);
  else {
    process.stderr.write(
      `There is nothing of taskstream in namespace ${cluster.namespace}: apply the manifests first, or name another with -n.\n`,
    );
  }
  if (!isReady(rows)) process.exitCode = 1;
};
