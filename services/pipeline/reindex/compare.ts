/** What the new index has too much, and what it lacks, compared with PostgreSQL. */
import type { Pool } from 'pg';
import { sleep } from '../../platform/time.ts';
import type { Progress, ReindexContext, Stores } from './context.ts';
import { encodeOperation } from '../index/operation.ts';
import type { State } from '../rows.ts';
import type { Fill } from './fill.ts';

/** Longest time between two pages of documents: between them deletions may wait for Elasticsearch. */
const KEEP_ALIVE_SECONDS = 600;

/**
 * Removes documents without a row.
 * An index that did not hear every event may hold some: one that was switched away from, or one that was filled from the
 * topic while compaction took a deletion and left its tombstone. Ids never come back, so an absent row stays absent.
 * @returns the number of documents removed
 */
export const pruneDocuments = async (
  { rows, documents }: Stores,
  progress: Progress,
  fill: Fill,
  signal: AbortSignal,
): Promise<number> => {
  let pruned = 0;
  const snapshot = await documents.snapshot(KEEP_ALIVE_SECONDS);
  try {
    for await (const page of snapshot.pages()) {
      signal.throwIfAborted();
      const shown = page.filter(({ deletedAt }) => deletedAt === null);
      const states = await rows.states(shown.map(({ id }) => id));
      const surplus = shown.filter(({ id }) => states.get(id)?.deletedAt !== null);
      await fill(
        surplus.map(({ id, version }) => {
          const deletion = states.get(id);
          return encodeOperation({
            kind: 'delete',
            id,
            // A deletion raises the version by one at least: the event itself, should it still come, finds its work done.
            version: Math.max(version + 1, deletion?.version ?? 0),
            deletedAt: deletion?.deletedAt ?? new Date().toISOString(),
          });
        }),
        signal,
      );
      pruned += surplus.length;
      progress.advance(page.length);
    }
  } finally {
    // It expires by itself; the result matters more than the answer.
    await snapshot.close().catch(() => undefined);
  }
  return pruned;
};

const PAGE = 1_000;
/** Enough to know that it is no accident; the search for more would only keep them in memory. */
const MAX_MISSING = 1_000;
const RECHECK_MS = 500;

/**
 * Finds what the topic did not give though PostgreSQL has it. A topic that was created again, or lost events, would give
 * an index with holes; it must not come to serve.
 * @param catchUp resolves when all events that are in the topic now are in the index
 * @returns ids of rows that are missing, or older in the index, though Kafka has no event of theirs to come
 */
export const findMissing = async (
  { pool, progress }: Pick<ReindexContext, 'pool' | 'progress'>,
  { rows, documents }: Stores,
  catchUp: () => Promise<void>,
  signal: AbortSignal,
): Promise<readonly string[]> => {
  const missing: string[] = [];
  let candidates: string[] = [];
  for await (const page of rows.pages(PAGE)) {
    signal.throwIfAborted();
    const versions = new Map(page.map(({ id, version }) => [id, version]));
    candidates.push(...behind(versions, await documents.states([...versions.keys()])));
    progress.advance(page.length);
    if (candidates.length >= MAX_MISSING) break;
  }
  while (candidates.length > 0) {
    // In this order: a change that is read here and is not in the outbox any more is in the topic, and so caught up.
    const versions = await rows.versions(candidates);
    const inFlight = await unpublished(pool, candidates);
    await catchUp();
    const open = behind(versions, await documents.states(candidates));
    missing.push(...open.filter((id) => !inFlight.has(id)));
    candidates = open.filter((id) => inFlight.has(id));
    if (candidates.length > 0) await sleep(RECHECK_MS, signal);
    signal.throwIfAborted();
  }
  return missing;
};

const behind = (rows: ReadonlyMap<string, number>, documents: ReadonlyMap<string, State>): string[] =>
  [...rows].filter(([id, version]) => (documents.get(id)?.version ?? 0) < version).map(([id]) => id);

/** Those of `ids` whose last change Kafka has not yet. */
const unpublished = async (pool: Pool, ids: readonly string[]): Promise<ReadonlySet<string>> => {
  const { rows } = await pool.query<{ id: string }>(
    'SELECT DISTINCT task_id::text AS id FROM outbox WHERE task_id = ANY($1::uuid[])',
    [ids],
  );
  return new Set(rows.map(({ id }) => id));
};
