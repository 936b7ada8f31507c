/** `ops dlq list`. */
import { Command } from 'commander';
import { helpText } from '../cli/help.ts';
import { addFilters, REASONS_HELP } from './filter.ts';
import { wholeNumber } from '../cli/arguments.ts';
import { lazily } from '../cli/lazily.ts';

export const dlqListCommand = (): Command =>
  addFilters(new Command('list'))
    .description('list the open dead letters, oldest first, with a summary by reason')
    .option('--all', 'also those that were replayed, superseded or discarded')
    .option('--limit <n>', 'most rows of the table; the summary counts all', wholeNumber, 100)
    .option('--json', 'JSON, one object a dead letter, without a limit')
    .addHelpText(
      'after',
      helpText({
        notes: REASONS_HELP,
        exits: { 0: 'listed, also when there is none' },
        examples: [
          'npm run ops -- dlq list --since 1h',
          'npm run --silent ops -- dlq list --reason rejected_by_index --json | jq -r .error | sort | uniq -c',
        ],
      }),
    )
    .action(lazily(async () => (await import('./list-act.ts')).list));
