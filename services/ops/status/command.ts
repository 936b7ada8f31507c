/** `ops status`: what of the product is in the cluster, how it is, and what blocks it. */
import { Command } from 'commander';
import { connectToCluster, withClusterOptions, type ClusterOptions } from '../cli/kubernetes.ts';
import { readStatus } from './read.ts';
import { isReady, tableOf } from './show.ts';

export const statusCommand = (): Command =>
  withClusterOptions(new Command('status'))
    .option('--json', 'print JSON for scripts')
    .addHelpText('after', '\nExit code: 0 when everything is ready, 1 when something is not or nothing is there.')
    .action(async (options: ClusterOptions & { json?: boolean }) => {
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
    });
