/** `ops dlq`: the events that could not be indexed, and what is done about them. */
import { Command } from 'commander';
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
      `
A dead letter stays in its topic until the topic's retention is over. What was done about it, when and by whom is in the
table dead_letter_actions, which ops migrate creates: the audit trail, and what "open" means.

The usual way: list, show one, repair the cause (a mapping, a deployment), replay; discard what cannot be repaired.`,
    );
