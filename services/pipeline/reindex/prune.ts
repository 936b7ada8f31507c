/**
 * Removes documents whose task PostgreSQL does not have.
 * An index that did not hear every event may hold some: one that was switched away from, or one that was filled from the
 * topic while compaction took a deletion and left its tombstone. Ids never come back, so an absent row stays absent.
 */
import type { ReindexContext } from './context.ts';
import { walkDocuments } from './documents.ts';
import type { Fill } from './fill.ts';
import { rowVersions } from './rows.ts';

/** @returns the number of documents removed */
export const pruneDocuments = async (
  { client, entity, pool, progress }: Pick<ReindexContext, 'client' | 'entity' | 'pool' | 'progress'>,
  index: string,
  fill: Fill,
  signal: AbortSignal,
): Promise<number> => {
  let pruned = 0;
  for await (const documents of walkDocuments(client, index)) {
    signal.throwIfAborted();
    const rows = await rowVersions(
      pool,
      entity,
      documents.map(({ id }) => id),
    );
    const surplus = documents.filter(({ id }) => !rows.has(id));
    // A deletion raises the version by one at least: the event itself, should it still come, finds its work done.
    await fill(
      surplus.map(({ id, version }) => ({ kind: 'delete', id, version: version + 1 })),
      signal,
    );
    pruned += surplus.length;
    progress.advance(documents.length);
  }
  return pruned;
};
