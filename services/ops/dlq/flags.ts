/** The options that pick letters, the same in `list`, `replay` and `discard`. */
import type { Command } from 'commander';
import { collect, momentMs, wholeNumber } from '../cli/moment.ts';
import type { LetterFilter } from '../../pipeline/dead-letters/find.ts';

export interface FilterFlags {
  readonly reason?: readonly string[];
  readonly since?: number;
  readonly until?: number;
  readonly task?: string;
  readonly partition?: number;
  readonly offset?: readonly number[];
}

export const addFilters = (command: Command): Command =>
  command
    .option(
      '--reason <reason>',
      'only letters with this reason; may be repeated',
      collect((value: string) => value),
    )
    .option('--since <time>', 'only letters from then on: RFC 3339, or how long ago (15m, 2h, 3d)', momentMs)
    .option('--until <time>', 'only letters before then', momentMs)
    .option('--task <id>', 'only letters about this task')
    .option('--partition <n>', 'only this partition of the dead-letter topic', wholeNumber)
    .option('--offset <n>', 'only the letter with this offset; may be repeated', collect(wholeNumber));

export const filterOf = ({ reason, since, until, task, partition, offset }: FilterFlags): LetterFilter => ({
  reasons: reason,
  sinceMs: since,
  untilMs: until,
  task,
  partition,
  offsets: offset,
});

export const REASONS = `
Reasons: null_key, malformed_event, unknown_event_type, schema_violation, key_mismatch (the event itself is wrong),
rejected_by_index, document_too_large (the index did not take it).`;
