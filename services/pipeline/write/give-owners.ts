/**
 * Gives owners to rows that have none, such as those of before callers were asked who they are. It goes the way of every
 * change: version and event, so that the index and all readers of the topic learn of it.
 */
import { escapeIdentifier, type Pool } from 'pg';
import { isDatabaseOutage } from '../../platform/postgres-outage.ts';
import { retry } from '../../platform/retry.ts';
import { sleep } from '../../platform/time.ts';
import type { PlacedEntity } from '../entity.ts';
import { BEFORE_ALL } from '../id.ts';
import { OWNER } from '../owner.ts';
import { READ_ATTEMPTS } from '../pages.ts';

export interface GiveOwnersOptions {
  readonly pool: Pool;
  readonly entity: PlacedEntity;
  /** The owner of a row by its id; nothing for one that stays as it is. */
  readonly ownerOf: (id: string) => string | undefined;
  readonly signal: AbortSignal;
  readonly onRetry: (error: unknown) => void;
  /** Called after each page. */
  readonly onProgress: (given: number) => void;
  /** Called when the outbox has had no room for a while. */
  readonly onWait: () => void;
}

const PAGE = 1_000;
/** Changes that may wait for Kafka, before more are written: those of clients come after them. */
const MAX_WAITING = 10_000;
const ROOM_EVERY_MS = 100;
/** How often a person is told that there is no room. */
const TOLD_EVERY_MS = 10_000;

/**
 * Walks all rows in order of their ids. Safe to repeat, and to run beside services: a row that somebody has given an owner
 * meanwhile keeps it.
 * @returns the number of rows that were given one
 */
export const giveOwners = async (options: GiveOwnersOptions): Promise<number> => {
  const { pool, entity, ownerOf, signal, onRetry, onProgress } = options;
  const table = escapeIdentifier(entity.table);
  const attempt = <T>(ask: () => Promise<T>): Promise<T> =>
    retry(ask, { ...READ_ATTEMPTS, onRetry, signal, isRetriable: isDatabaseOutage });
  let given = 0;
  let after = BEFORE_ALL;
  for (;;) {
    signal.throwIfAborted();
    await waitForRoom(options, attempt);
    const { rows } = await attempt(() =>
      pool.query<{ id: string; owner: string | null }>(
        `SELECT id::text, ${OWNER} FROM ${table} AS t WHERE t.id > $1 ORDER BY t.id LIMIT ${PAGE}`,
        [after],
      ),
    );
    const page = rows.flatMap(({ id, owner }) => {
      const next = owner === null ? ownerOf(id) : undefined;
      return next === undefined ? [] : [{ id, owner: next }];
    });
    if (page.length > 0) given += await attempt(() => give(pool, entity, page));
    onProgress(given);
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return given;
    after = last.id;
  }
};

/** Rows are locked in order of id, as by every writer. */
const give = async (
  pool: Pool,
  { table, rowToJson, types, topic }: PlacedEntity,
  page: readonly { readonly id: string; readonly owner: string }[],
): Promise<number> => {
  const { rowCount } = await pool.query(
    `WITH input AS MATERIALIZED (
       SELECT * FROM unnest($1::uuid[], $2::text[]) AS i(id, owner)
     ), locked AS MATERIALIZED (
       SELECT t.id FROM ${escapeIdentifier(table)} AS t
       WHERE t.id = ANY($1::uuid[]) AND t.${OWNER} IS NULL ORDER BY t.id FOR UPDATE
     ), changed AS (
       UPDATE ${escapeIdentifier(table)} AS t SET ${OWNER} = input.owner, version = t.version + 1
       FROM input JOIN locked USING (id) WHERE t.id = input.id
       RETURNING t.id, t.version, ${rowToJson}(t) AS json
     )
     INSERT INTO outbox (topic, type, task_id, version, task)
     SELECT $3, '${types.updated}', id, version, json FROM changed`,
    [page.map(({ id }) => id), page.map(({ owner }) => owner), topic],
  );
  return rowCount ?? 0;
};

const waitForRoom = async (
  { pool, signal, onWait }: GiveOwnersOptions,
  attempt: <T>(ask: () => Promise<T>) => Promise<T>,
): Promise<void> => {
  const hasRoom = async (): Promise<boolean> => {
    const { rows } = await pool.query<{ waiting: number }>(
      `SELECT count(*)::int AS waiting FROM (SELECT FROM outbox LIMIT ${MAX_WAITING}) AS o`,
    );
    return (rows[0]?.waiting ?? 0) < MAX_WAITING;
  };
  let toldAt = performance.now();
  while (!(await attempt(hasRoom))) {
    await sleep(ROOM_EVERY_MS, signal);
    signal.throwIfAborted();
    if (performance.now() - toldAt < TOLD_EVERY_MS) continue;
    toldAt = performance.now();
    onWait();
  }
};
