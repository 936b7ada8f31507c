/** `ops dlq`: the events that could not be indexed, and what is done about them. */
import { Command } from 'commander';
import { helpText } from '../cli/help.ts';
import { dlqDiscardCommand } from './discard.ts';
import { dlqListCommand } from './list.ts';
import { dlqReplayCommand } from './replay.ts';
import { dlqShowCommand } from './show.ts';

export const dlqCommand = (): Command =>
  new Command('dlq')
    .addCommand(dlqListCommand())
    .addCommand(dlqShowCommand())
    .addCommand(dlqReplayCommand())
    .addCommand(dlqDiscardCommand())
    .addHelpText(
      'after',
      helpText({
        notes: `
A dead letter stays in its topic until the topic's retention is over. What was done about it, when and by whom is in the
table dead_letter_actions, which ops migrate creates: the audit trail, and what "open" means.

The usual way: list, show one, repair the cause (a mapping, a deployment), replay; discard what cannot be repaired.`,
        exits: { 0: 'done', 2: 'of replay: some could not be replayed' },
        examples: [
          'npm run ops -- dlq list',
          'npm run ops -- dlq show 0:17',
          'npm run ops -- dlq replay --reason rejected_by_index --dry-run',
        ],
      }),
    );
