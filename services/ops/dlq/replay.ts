/** `ops dlq replay`. */
import { Command } from 'commander';
import { helpText } from '../cli/help.ts';
import { addFilters, REASONS_HELP } from './filter.ts';
import { lazily } from '../cli/lazily.ts';

export const dlqReplayCommand = (): Command =>
  addFilters(new Command('replay'))
    .description('put the events of open dead letters back to the tasks topic, so that they go the normal way')
    .option('--again', 'also dead letters that were replayed, superseded or discarded before')
    .option('--dry-run', 'say what would become of each dead letter, and change nothing')
    .option('--yes', 'really all open dead letters, when no filter narrows them down')
    .option('--by <name>', "who does it, for the audit trail; default: the system's user and host")
    .option('--json', 'JSON, one object a dead letter')
    .addHelpText(
      'after',
      helpText({
        notes: `${REASONS_HELP}

The event is produced with its own key, bytes and headers. Twice is as good as once: the index keeps one version.
A dead letter whose task has a newer version, or is deleted, is superseded: its event is not needed, and would do harm
behind the newer one. An event that is still wrong comes back as a new dead letter.
Each replay leaves a row in dead_letter_actions: "replaying" before, and what became of it after.`,
        exits: { 0: 'all done', 2: 'some could not be replayed: each is reported and stays open' },
        examples: [
          'npm run ops -- dlq replay --reason rejected_by_index --dry-run',
          'npm run ops -- dlq replay --reason rejected_by_index --since 2h --by "ada, incident 4711"',
          'npm run ops -- dlq replay --partition 0 --offset 17 --offset 18',
        ],
      }),
    )
    .action(lazily(async () => (await import('./replay-act.ts')).replay));
