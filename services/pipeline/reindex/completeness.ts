/**
 * Whether the topic gave all that PostgreSQL has. A topic that was made anew, or lost events, would give an index with
 * holes; it must not come to serve.
 */
import { sleep } from '../../platform/time.ts';
import type { ReindexContext } from './context.ts';
import { versionsIn } from './documents.ts';
import { rowVersions, unpublished, walkRows } from './rows.ts';

const PAGE = 1_000;
/** Enough to know that it is no accident; the search for more would only keep them in memory. */
const MAX_MISSING = 1_000;
const RECHECK_MS = 500;

/**
 * @param catchUp resolves when all events that are in the topic now are in the index
 * @returns ids of tasks that are missing, or older in the index, though Kafka has no event of theirs to come
 */
export const findMissing = async (
  context: Pick<ReindexContext, 'client' | 'pool' | 'progress' | 'entity'>,
  index: string,
  catchUp: () => Promise<void>,
  signal: AbortSignal,
): Promise<readonly string[]> => {
  const { client, pool, progress, entity } = context;
  const missing: string[] = [];
  let candidates: string[] = [];
  for await (const rows of walkRows(pool, entity, PAGE)) {
    signal.throwIfAborted();
    const rowsById = new Map(rows.map(({ id, version }) => [id, version]));
    candidates.push(...behind(rowsById, await versionsIn(client, index, [...rowsById.keys()])));
    progress.advance(rows.length);
    if (candidates.length >= MAX_MISSING) break;
  }
  while (candidates.length > 0) {
    // In this order: a change that is read here and is not in the outbox any more is in the topic, and so caught up.
    const rows = await rowVersions(pool, entity, candidates);
    const inFlight = await unpublished(pool, candidates);
    await catchUp();
    const open = behind(rows, await versionsIn(client, index, candidates));
    missing.push(...open.filter((id) => !inFlight.has(id)));
    candidates = open.filter((id) => inFlight.has(id));
    if (candidates.length > 0) await sleep(RECHECK_MS, signal);
    signal.throwIfAborted();
  }
  return missing;
};

const behind = (rows: ReadonlyMap<string, number>, documents: ReadonlyMap<string, number>): string[] =>
  [...rows].filter(([id, version]) => (documents.get(id) ?? 0) < version).map(([id]) => id);
