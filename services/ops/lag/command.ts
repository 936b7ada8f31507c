/** `ops lag`: what waits for the indexers, at what rate it drains, and when it will be done. */
import { Command } from 'commander';
import { helpText } from '../cli/help.ts';
import { seconds, wholeNumber } from '../cli/arguments.ts';
import { lazily } from '../cli/lazily.ts';

export const lagCommand = (): Command =>
  new Command('lag')
    .option('--group <name>', "another group than the indexers' (CONSUMER_GROUP)")
    .option('--interval <seconds>', 'time over which the rates are measured', seconds, 5)
    .option('--max <events>', 'exit with 2 when more events than this wait', wholeNumber)
    .option('--watch', 'measure again and again, until Ctrl+C')
    .option('--json', 'JSON, one object a measurement')
    .addHelpText(
      'after',
      helpText({
        notes: `
"done in" is the lag divided by what "out" exceeds "in"; it is null in JSON when the lag does not shrink.

A partition whose brokers are away cannot be asked: its lag is "unknown", null in JSON, and total.unknown counts those.`,
        exits: {
          0: 'fine',
          2: "more than --max events wait, or a partition's lag is unknown; with --watch the last measurement counts",
        },
        examples: [
          'npm run ops -- lag --watch',
          'npm run --silent ops -- lag --json --interval 1 --max 10000 | jq .total',
        ],
      }),
    )
    .action(lazily(async () => (await import('./act.ts')).showLag));
