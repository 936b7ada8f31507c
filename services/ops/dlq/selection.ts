/** Which dead letters a command is about, and the confirmation that it is about all of them. */
import { TaskstreamError } from '../../platform/errors.ts';
import { isOpen, type TrackedDeadLetter } from '../../pipeline/dead-letters/actions.ts';
import { isFiltered, type DeadLetterFilter } from '../../pipeline/dead-letters/find.ts';
import { count } from '../cli/text.ts';
import type { DeadLetterSession } from './session.ts';

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
