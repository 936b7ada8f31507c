/** `ops outbox`: what waits for Kafka, at what rate it drains, whether a relay is at work, and what Kafka refused. */
import { Command } from 'commander';
import { helpText } from '../cli/help.ts';
import { durationMs, seconds, wholeNumber } from '../cli/arguments.ts';
import { lazily } from '../cli/lazily.ts';

export const outboxCommand = (): Command =>
  new Command('outbox')
    .option('--interval <seconds>', 'time over which the rates are measured', seconds, 5)
    .option('--max <changes>', 'exit with 2 when more changes than this wait', wholeNumber)
    .option('--max-age <duration>', 'exit with 2 when the oldest waits longer: 90s, 15m, 2h', durationMs)
    .option('--watch', 'measure again and again, until Ctrl+C')
    .option('--json', 'JSON, one object a measurement')
    .addHelpText(
      'after',
      helpText({
        exits: { 0: 'fine', 2: '--max or --max-age is exceeded; with --watch the last measurement counts' },
        examples: [
          'npm run ops -- outbox',
          'npm run ops -- outbox --json --interval 1 --max-age 1m || echo "changes do not reach Kafka"',
          'npm run ops -- outbox refused',
          'npm run ops -- outbox replay 4711',
        ],
      }),
    )
    .action(lazily(async () => (await import('./act.ts')).showOutbox))
    .addCommand(refusedCommand())
    .addCommand(replayCommand());

const refusedCommand = (): Command =>
  new Command('refused')
    .description('list the changes that Kafka refused for good, one JSON object a line, oldest first')
    .addHelpText(
      'after',
      helpText({
        exits: { 0: 'listed, also when there is none' },
        examples: ['npm run --silent ops -- outbox refused | jq .'],
      }),
    )
    .action(lazily(async () => (await import('./act.ts')).showRefused));

const replayCommand = (): Command =>
  new Command('replay')
    .description('put refused changes back into the outbox, once Kafka takes them; one that is superseded is dropped')
    .argument('<row...>', 'numbers, as `outbox refused` shows them')
    .addHelpText(
      'after',
      helpText({
        exits: { 0: 'done', 1: 'it could not run, or one of the rows could not be put back' },
        examples: ['npm run ops -- outbox replay 4711 4712'],
      }),
    )
    .action(lazily(async () => (await import('./act.ts')).replay));
