/** `ops status`: what of the product is in the cluster, how it is, and what blocks it. */
import { Command } from 'commander';
import { helpText } from '../cli/help.ts';
import { connectToCluster, withClusterOptions, type ClusterOptions } from '../cli/kubernetes.ts';
import { readStatus } from './read.ts';
import { isReady, tableOf } from './show.ts';

export const statusCommand = (): Command =>
  withClusterOptions(new Command('status'))
    .option('--json', 'print JSON for scripts')
    .addHelpText(
      'after',
      helpText({
        exits: { 0: 'everything is ready', 1: 'something is not, nothing is there, or it could not run' },
        examples: [
          'npm run ops -- status -n taskstream',
          `npm run --silent ops -- status --json | jq -r '.[] | select(.state != "ready") | .name'`,
        ],
      }),
    )
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
