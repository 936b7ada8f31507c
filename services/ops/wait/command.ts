/** `ops wait`: returns when the operators, the servers or the whole product are ready; meanwhile it says what is not. */
import { Argument, Command } from 'commander';
import { wholeNumberFrom } from '../cli/arguments.ts';
import { helpText } from '../cli/help.ts';
import { withClusterOptions } from '../cli/cluster-options.ts';
import { lazily } from '../cli/lazily.ts';

/** What can be waited for. */
const TARGETS = ['operators', 'data-plane', 'all'] as const;
export type Target = (typeof TARGETS)[number];

export const waitCommand = (): Command =>
  withClusterOptions(new Command('wait'))
    .addArgument(
      new Argument(
        '<what>',
        'operators: kinds known, webhooks answer; data-plane: the servers; all: everything',
      ).choices(TARGETS),
    )
    .option('--timeout <seconds>', 'how long to wait', wholeNumberFrom(1), 600)
    .addHelpText(
      'after',
      helpText({
        exits: { 0: 'it is ready', 1: 'the time is over, a Job has failed for good, or it could not run' },
        examples: ['npm run ops -- wait operators', 'npm run ops -- wait all -n taskstream --timeout 1800'],
      }),
    )
    .action(lazily(async () => (await import('./act.ts')).waitFor));
