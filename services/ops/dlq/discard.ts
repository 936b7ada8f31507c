/** `ops dlq discard`. */
import { Command } from 'commander';
import { helpText } from '../cli/help.ts';
import { addFilters, REASONS_HELP } from './filter.ts';
import { lazily } from '../cli/lazily.ts';

export const dlqDiscardCommand = (): Command =>
  addFilters(new Command('discard'))
    .description('mark open dead letters as dealt with; they stay in the topic until its retention is over')
    .option('--dry-run', 'show which dead letters it would discard, and change nothing')
    .option('--yes', 'really all open dead letters, when no filter narrows them down')
    .option('--by <name>', "who does it, for the audit trail; default: the system's user and host")
    .option('--note <text>', 'why, for the audit trail')
    .option('--json', 'JSON, one object a dead letter')
    .addHelpText(
      'after',
      helpText({
        notes: REASONS_HELP,
        exits: { 0: 'done' },
        examples: ['npm run ops -- dlq discard --reason null_key --note "written by the old importer"'],
      }),
    )
    .action(lazily(async () => (await import('./discard-act.ts')).discard));
