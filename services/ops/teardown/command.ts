/** `ops teardown`: removes the product from a cluster in an order that leaves nothing hanging. */
import { Command } from 'commander';
import { helpText } from '../cli/help.ts';
import { TaskstreamError } from '../../platform/errors.ts';
import { connectToCluster, withClusterOptions, type ClusterOptions } from '../cli/kubernetes.ts';
import { teardown } from './teardown.ts';

export const teardownCommand = (): Command =>
  withClusterOptions(new Command('teardown'))
    .option('--timeout <seconds>', 'how long to wait for each step', Number, 180)
    .option('--yes', 'really delete all data')
    .addHelpText(
      'after',
      helpText({
        exits: { 0: 'nothing is left', 1: 'it could not run, or something was still there after --timeout' },
        examples: ['npm run ops -- teardown -n taskstream --yes'],
      }),
    )
    .action(async ({ timeout, yes, ...options }: ClusterOptions & { timeout: number; yes?: boolean }) => {
      const cluster = connectToCluster(options);
      if (!yes) {
        throw new TaskstreamError(
          'invalid_configuration',
          `This deletes all tasks, events and indices in namespace ${cluster.namespace}. If you mean it, add --yes.`,
        );
      }
      await teardown(cluster, timeout * 1_000, (line) => process.stderr.write(`${line}\n`));
    });
