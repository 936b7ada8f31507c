/**
 * Writes into the index that is being filled: as the indexer does, versioned, and with the outcome of every document.
 * One document that the new mapping rejects, and that matters, keeps the alias where it is.
 */
import { TaskstreamError } from '../../platform/errors.ts';
import { createBulkWriter } from '../index/bulk.ts';
import type { EncodedOperation, Outcome } from '../index/operation.ts';
import type { ReindexContext, Stores } from './context.ts';
import { fillingAliasOf } from './new-index.ts';

/** Settles all operations, or throws the signal's reason. */
export type Fill = (operations: readonly EncodedOperation[], signal: AbortSignal) => Promise<void>;

const MAX_BYTES = 5_242_880;
/** An outage is reported when it begins, and once in this many attempts. */
const REPORT_EVERY = 10;

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
      if (failures % REPORT_EVERY === 1) {
        progress.note(`writes to ${index} fail: ${reason ?? ''}; trying again (${pending} documents)`);
      }
    },
  });
  return async (operations, signal) => {
    if (operations.length === 0) return;
    const outcomes = await bulk.write(operations, signal);
    rejects.addRejected(operations, outcomes);
    if (outcomes.some(({ kind }) => kind === 'pending')) signal.throwIfAborted();
  };
};

export interface Reject {
  readonly id: string;
  readonly version: number;
  readonly reason: string;
}

/** More would not say more, and only cost time: the run stops. */
const MAX_REJECTS = 1_000;

/** The rejected documents, the newest version of each id. */
export class Rejects {
  readonly #onReject: (reject: Reject) => void;
  readonly #newest = new Map<string, Reject>();

  constructor(onReject: (reject: Reject) => void) {
    this.#onReject = onReject;
  }

  /** Adds those of `operations` that were rejected. @throws TooManyRejects */
  addRejected(operations: readonly EncodedOperation[], outcomes: readonly Outcome[]): void {
    operations.forEach(({ id, version }, position) => {
      const outcome = outcomes[position];
      if (outcome?.kind === 'rejected') this.add({ id, version, reason: outcome.error.message });
    });
  }

  add(reject: Reject): void {
    const known = this.#newest.get(reject.id);
    if (known !== undefined && known.version >= reject.version) return;
    this.#newest.set(reject.id, reject);
    this.#onReject(reject);
    if (this.#newest.size >= MAX_REJECTS) throw new TooManyRejects();
  }

  get all(): readonly Reject[] {
    return [...this.#newest.values()];
  }

  /**
   * Those that would be missing: the row is still there, and the index has no newer version of it.
   * An old version that was rejected is of no importance once a newer one went in.
   */
  async remaining({ rows, documents }: Stores): Promise<readonly Reject[]> {
    const rejects = this.all;
    if (rejects.length === 0) return [];
    const ids = rejects.map(({ id }) => id);
    const indexed = await documents.states(ids);
    const present = await rows.versions(ids);
    return rejects.filter(({ id, version }) => present.has(id) && (indexed.get(id)?.version ?? 0) < version);
  }
}

export class TooManyRejects extends TaskstreamError {
  constructor() {
    super('rejected_by_index', `The mapping rejects ${MAX_REJECTS} documents or more.`);
  }
}
