/** Writes into the index that is being filled: as the indexer does, versioned, and with the fate of every document. */
import { createBulkWriter } from '../index/bulk.ts';
import { encodeOperation, type IndexOperation } from '../index/operation.ts';
import { fillingAliasOf } from './names.ts';
import type { Rejects } from './rejects.ts';
import type { ReindexContext } from './context.ts';

/** Settles all operations, or throws the signal's reason. */
export type Fill = (operations: readonly IndexOperation[], signal: AbortSignal) => Promise<void>;

const MAX_BYTES = 5_242_880;
/** An outage is told when it begins, and once in this many attempts. */
const TELL_EVERY = 10;

export const createFill = (
  { client, progress }: Pick<ReindexContext, 'client' | 'progress'>,
  index: string,
  rejects: Rejects,
): Fill => {
  let failures = 0;
  const bulk = createBulkWriter({
    client,
    alias: fillingAliasOf(index),
    maxBytes: MAX_BYTES,
    backoff: { baseMs: 100, maxMs: 5_000 },
    onRetry: (reason, pending) => {
      failures = reason === undefined ? 0 : failures + 1;
      if (failures % TELL_EVERY === 1) {
        progress.note(`writes to ${index} fail, trying again: ${reason ?? ''} (${pending} documents)`);
      }
    },
  });
  return async (operations, signal) => {
    if (operations.length === 0) return;
    const outcomes = await bulk.write(operations.map(encodeOperation), signal);
    rejects.note(operations, outcomes);
    if (outcomes.some(({ kind }) => kind === 'pending')) signal.throwIfAborted();
  };
};
