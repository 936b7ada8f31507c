/** `ops status`: what of the product is in the cluster, how it is, and what blocks it. */
import { Command } from 'commander';
import { helpText } from '../cli/help.ts';
import { withClusterOptions } from '../cli/cluster-options.ts';
import { lazily } from '../cli/lazily.ts';

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
    .action(lazily(async () => (await import('./act.ts')).showStatus));
