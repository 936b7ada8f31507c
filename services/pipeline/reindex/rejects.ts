/** Documents that the new mapping refuses: one of them that matters keeps the alias where it is. */
import type { IndexOperation, Outcome } from '../index/operation.ts';
import { TaskstreamError } from '../../platform/errors.ts';
import type { ReindexContext } from './context.ts';
import { versionsIn } from './documents.ts';
import { rowVersions } from './rows.ts';

export interface Reject {
  readonly id: string;
  readonly version: number;
  readonly reason: string;
}

/** More would not say more, and only cost time: the run stops. */
const MAX_REJECTS = 1_000;

export class Rejects {
  readonly #onReject: (reject: Reject) => void;
  readonly #newest = new Map<string, Reject>();

  constructor(onReject: (reject: Reject) => void) {
    this.#onReject = onReject;
  }

  /** Notes those of `operations` that were rejected. @throws TooManyRejects */
  note(operations: readonly IndexOperation[], outcomes: readonly Outcome[]): void {
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
   * Those that would be missing: neither has the index a newer version of the task, nor is the task deleted.
   * An old version that was refused is of no importance once a newer one went in.
   */
  async remaining(
    { client, pool, entity }: Pick<ReindexContext, 'client' | 'pool' | 'entity'>,
    index: string,
  ): Promise<readonly Reject[]> {
    const rejects = this.all;
    if (rejects.length === 0) return [];
    const ids = rejects.map(({ id }) => id);
    const [documents, rows] = [await versionsIn(client, index, ids), await rowVersions(pool, entity, ids)];
    return rejects.filter(({ id, version }) => rows.has(id) && (documents.get(id) ?? 0) < version);
  }
}

export class TooManyRejects extends TaskstreamError {
  constructor() {
    super('rejected_by_index', `The mapping rejects ${MAX_REJECTS} documents or more.`);
  }
}
