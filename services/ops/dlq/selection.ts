/** Which dead letters a command is about: its options, and the confirmation that it is about all of them. */
import type { Command } from 'commander';
import { POISON_CODES, TaskstreamError } from '../../platform/errors.ts';
import { isOpen, type TrackedDeadLetter } from '../../pipeline/dead-letters/actions.ts';
import { isFiltered, type DeadLetterFilter } from '../../pipeline/dead-letters/find.ts';
import { collect, oneOf, timeMs, wholeNumber } from '../cli/arguments.ts';
import { count } from '../cli/text.ts';
import type { DeadLetterSession } from './session.ts';

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

export interface SelectOptions {
  readonly filter: DeadLetterFilter;
  /** Whether dead letters that were dealt with are selected too. */
  readonly again: boolean;
}

/** A batch is one transaction while its tasks are locked: short. */
const BATCH = 100;

/** The selected dead letters, in batches. */
export const select = async function* (
  { deadLetters }: Pick<DeadLetterSession, 'deadLetters'>,
  { filter, again }: SelectOptions,
): AsyncGenerator<readonly TrackedDeadLetter[]> {
  for await (const batch of deadLetters(filter, BATCH)) {
    const selected = batch.filter((judged) => again || isOpen(judged));
    if (selected.length > 0) yield selected;
  }
};

/** @throws TaskstreamError with their number when no filter narrows the dead letters down and `yes` is false */
export const confirm = async (
  session: Pick<DeadLetterSession, 'deadLetters'>,
  options: SelectOptions,
  { yes, verb }: { readonly yes: boolean; readonly verb: string },
): Promise<void> => {
  if (yes || isFiltered(options.filter)) return;
  let total = 0;
  for await (const batch of select(session, options)) total += batch.length;
  if (total === 0) return;
  throw new TaskstreamError(
    'invalid_configuration',
    `This would ${verb} all of ${count(total, options.again ? 'dead letter' : 'open dead letter')}. If you mean it, add --yes; else narrow it down, as with --reason or --offset.`,
  );
};
