/** What `replay` and `discard` share: which letters are meant, and that an operator means them. */
import { TaskstreamError } from '../../platform/errors.ts';
import { count } from '../cli/count.ts';
import { isOpen, type JudgedLetter } from '../../pipeline/dead-letters/actions.ts';
import { isFiltered, type LetterFilter } from '../../pipeline/dead-letters/find.ts';
import type { DeadLetterSession } from './session.ts';

export interface PickOptions {
  readonly filter: LetterFilter;
  /** Whether letters that are dealt with are meant too. */
  readonly again: boolean;
}

/** A batch is one transaction while its tasks are locked: short. */
const BATCH = 100;

/** The letters that are meant, in batches. */
export const pick = async function* (
  { letters }: Pick<DeadLetterSession, 'letters'>,
  { filter, again }: PickOptions,
): AsyncGenerator<readonly JudgedLetter[]> {
  for await (const batch of letters(filter, BATCH)) {
    const meant = batch.filter((judged) => again || isOpen(judged));
    if (meant.length > 0) yield meant;
  }
};

/** @throws TaskstreamError with their number when all letters are meant and nobody confirmed that */
export const confirm = async (
  session: Pick<DeadLetterSession, 'letters'>,
  options: PickOptions,
  { yes, verb }: { readonly yes: boolean; readonly verb: string },
): Promise<void> => {
  if (yes || isFiltered(options.filter)) return;
  let total = 0;
  for await (const batch of pick(session, options)) total += batch.length;
  if (total === 0) return;
  throw new TaskstreamError(
    'invalid_configuration',
    `This would ${verb} all of ${count(total, options.again ? 'letter' : 'open letter')}. If you mean it, add --yes; else narrow it down, as with --reason or --offset.`,
  );
};
