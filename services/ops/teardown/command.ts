/** `ops teardown`: removes the product from a cluster in an order that leaves nothing hanging. */
import { Command } from 'commander';
import { wholeNumberFrom } from '../cli/arguments.ts';
import { helpText } from '../cli/help.ts';
import { withClusterOptions } from '../cli/cluster-options.ts';
import { lazily } from '../cli/lazily.ts';

export const teardownCommand = (): Command =>
  withClusterOptions(new Command('teardown'))
    .option('--timeout <seconds>', 'how long to wait for each step', wholeNumberFrom(1), 180)
    .option('--yes', 'really delete all data')
    .addHelpText(
      'after',
      helpText({
        exits: { 0: 'nothing is left', 1: 'it could not run, or something was still there after --timeout' },
        examples: ['npm run ops -- teardown -n taskstream --yes'],
      }),
    )
    .action(lazily(async () => (await import('./act.ts')).tearDown));
