/** The options by which the `dlq` commands say which dead letters they are about. */
import type { Command } from 'commander';
import type { DeadLetterFilter } from '../../pipeline/dead-letters/find.ts';
import { POISON_CODES } from '../../platform/errors.ts';
import { collect, oneOf, timeMs, wholeNumber } from '../cli/arguments.ts';

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
      'only dead letters with this reason; may be repeated',
      // A record without the header has the last one.
      collect(oneOf([...POISON_CODES, 'unknown'])),
    )
    .option('--since <time>', 'only dead letters from then on: RFC 3339, or how long ago (15m, 2h, 3d)', timeMs)
    .option('--until <time>', 'only dead letters before then', timeMs)
    .option('--task <id>', 'only dead letters about this task')
    .option('--partition <n>', 'only this partition of the dead-letter topic', wholeNumber)
    .option('--offset <n>', 'only the dead letter with this offset; may be repeated', collect(wholeNumber));

export const filterOf = ({ reason, since, until, task, partition, offset }: FilterFlags): DeadLetterFilter => ({
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
