/**
 * Rows of an entity in PostgreSQL, in pages and by id.
 * Each page is a statement with a snapshot of its own: one snapshot for a whole walk would keep what is deleted
 * meanwhile, the whole traffic of the outbox, from being vacuumed.
 */
import { escapeIdentifier, escapeLiteral, type Pool } from 'pg';
import { isDatabaseOutage } from '../platform/postgres-outage.ts';
import { retry } from '../platform/retry.ts';
import type { Entity } from './entity.ts';
import { BEFORE_ALL } from './id.ts';
import { inPages, READ_ATTEMPTS, type ReadOptions } from './pages.ts';

export interface RowVersion {
  readonly id: string;
  readonly version: number;
}

export interface Row extends RowVersion {
  readonly json: string;
}

/** The newest version of something that exists, or existed. */
export interface State {
  readonly version: number;
  /** RFC 3339 time of the deletion that made this version; null for what is not deleted. */
  readonly deletedAt: string | null;
}

export interface IdentifiedState extends State {
  readonly id: string;
}

/** Reads that wait for a database that restarts; an outage of about 15 s ends them with the driver's error. */
export interface RowReader {
  /** The highest id now, of rows and recorded deletions; nothing when there are none. */
  lastId(): Promise<string | undefined>;
  count(): Promise<number>;
  /** All rows in order of their ids. */
  pages(pageSize: number): AsyncGenerator<readonly Row[]>;
  /** States of the rows, and of the recorded deletions of what has no row, up to the id `last`, in order of their ids. */
  statePages(last: string): AsyncGenerator<readonly IdentifiedState[]>;
  /** Those among `ids`. */
  states(ids: readonly string[]): Promise<ReadonlyMap<string, State>>;
  /** All recorded deletions of what has no row, in order of their ids. */
  deletionPages(pageSize: number): AsyncGenerator<readonly IdentifiedState[]>;
  /** The version of each of `ids` that has a row. */
  versions(ids: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** The JSON of each of `ids` that has a row. */
  rows(ids: readonly string[]): Promise<readonly Row[]>;
}

const VERSION_PAGE = 5_000;
const ROW_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether it can be the id of a row: a UUID as PostgreSQL prints it. */
export const isRowId = (id: string): boolean => ROW_ID.test(id);

export const createRowReader = (
  pool: Pool,
  { table: tableName, rowToJson }: Pick<Entity, 'table' | 'rowToJson'>,
  options: ReadOptions,
): RowReader => {
  const table = escapeIdentifier(tableName);
  const source = escapeLiteral(tableName);
  const query = async <R extends object>(name: string, text: string, values: unknown[] = []): Promise<R[]> => {
    const ask = () => pool.query<R>({ name: `${tableName}-reader-${name}`, text, values });
    const { rows } = await retry(ask, { ...READ_ATTEMPTS, ...options, isRetriable: isDatabaseOutage });
    return rows;
  };
  const VERSION = 'id::text, version';
  const LIVE = 'id, version, NULL::timestamptz AS deleted_at';
  // A row that came back, from a backup, has the last word over its deletion. A subquery leaves the planner no join, which
  // it would make with the whole table where it believes that to be empty.
  const DELETED = `id, version, deleted_at FROM deletions AS d
    WHERE source = ${source} AND (SELECT true FROM ${table} AS t WHERE t.id = d.id) IS NULL`;
  const JSON_TOO = `${VERSION}, ${rowToJson}(${table}) AS json`;
  return {
    lastId: async () => {
      const text = `SELECT greatest(
        (SELECT id FROM ${table} ORDER BY id DESC LIMIT 1),
        (SELECT id FROM deletions WHERE source = ${source} ORDER BY id DESC LIMIT 1)) AS id`;
      return (await query<{ id: string | null }>('last', text))[0]?.id ?? undefined;
    },
    count: async () => {
      const [found] = await query<{ count: string }>('count', `SELECT count(*) FROM ${table}`);
      return Number(found?.count ?? 0);
    },
    pages: (pageSize) =>
      inPages(BEFORE_ALL, async (after) => {
        const text = `SELECT ${JSON_TOO} FROM ${table} WHERE id > $1 ORDER BY ${table}.id LIMIT $2`;
        const items = (await query<Found & { json: string }>('page', text, [after, pageSize])).map(numbered);
        return { items, next: items.length < pageSize ? undefined : items.at(-1)?.id };
      }),
    statePages: (last) =>
      inPages(BEFORE_ALL, async (after) => {
        // Each side in its own order and with its own end, so that neither is sorted.
        const text = `(SELECT ${LIVE} FROM ${table} AS t WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3)
          UNION ALL (SELECT ${DELETED} AND id > $1 AND id <= $2 ORDER BY id LIMIT $3) ORDER BY id LIMIT $3`;
        const items = (await query<FoundState>('state-page', text, [after, last, VERSION_PAGE])).map(toState);
        return { items, next: items.length < VERSION_PAGE ? undefined : items.at(-1)?.id };
      }),
    states: async (ids) => {
      const text = `SELECT ${LIVE} FROM ${table} AS t WHERE id = ANY($1::uuid[])
        UNION ALL SELECT ${DELETED} AND id = ANY($1::uuid[])`;
      const found = await query<FoundState>('states', text, [ids.filter(isRowId)]);
      return new Map(found.map((row) => [row.id, toState(row)]));
    },
    deletionPages: (pageSize) =>
      inPages(BEFORE_ALL, async (after) => {
        const text = `SELECT ${DELETED} AND id > $1 ORDER BY id LIMIT $2`;
        const items = (await query<FoundState>('deletion-page', text, [after, pageSize])).map(toState);
        return { items, next: items.length < pageSize ? undefined : items.at(-1)?.id };
      }),
    versions: async (ids) => {
      const text = `SELECT ${VERSION} FROM ${table} WHERE id = ANY($1::uuid[])`;
      const found = await query<Found>('versions', text, [ids.filter(isRowId)]);
      return new Map(found.map(({ id, version }) => [id, Number(version)]));
    },
    rows: async (ids) => {
      const text = `SELECT ${JSON_TOO} FROM ${table} WHERE id = ANY($1::uuid[])`;
      return (await query<Found & { json: string }>('rows', text, [ids.filter(isRowId)])).map(numbered);
    },
  };
};

/** As the driver returns it: a bigint is text. */
interface Found {
  readonly id: string;
  readonly version: string;
}

interface FoundState extends Found {
  readonly deleted_at: Date | null;
}

const toState = ({ id, version, deleted_at: deletedAt }: FoundState): IdentifiedState => ({
  id,
  version: Number(version),
  deletedAt: deletedAt?.toISOString() ?? null,
});

const numbered = <R extends Found>(row: R) => ({ ...row, version: Number(row.version) });
