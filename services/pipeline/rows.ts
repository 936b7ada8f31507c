/**
 * Rows of an entity in PostgreSQL, in pages and by id.
 * Each page is a statement with a snapshot of its own: one snapshot for a whole walk would keep what is deleted
 * meanwhile, the whole traffic of the outbox, from being vacuumed.
 */
import type { Pool } from 'pg';
import { isDatabaseOutage } from '../platform/postgres-outage.ts';
import { retry } from '../platform/retry.ts';
import type { Entity } from './entity.ts';
import { inPages, READ_ATTEMPTS, type ReadOptions } from './pages.ts';

export interface RowVersion {
  readonly id: string;
  readonly version: number;
}

export interface Row extends RowVersion {
  readonly json: string;
}

/** Reads that wait for a database that restarts; an outage of about 15 s ends them with the driver's error. */
export interface RowReader {
  /** The highest id now; nothing when there are no rows. */
  lastId(): Promise<string | undefined>;
  count(): Promise<number>;
  /** All rows in order of their ids. */
  pages(pageSize: number): AsyncGenerator<readonly Row[]>;
  /** Versions of the rows up to the id `last`, in order of their ids. */
  versionPages(last: string): AsyncGenerator<readonly RowVersion[]>;
  /** The version of each of `ids` that has a row. */
  versions(ids: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** The JSON of each of `ids` that has a row. */
  rows(ids: readonly string[]): Promise<readonly Row[]>;
}

const VERSION_PAGE = 5_000;
/** Below every UUID. */
const FIRST = '00000000-0000-0000-0000-000000000000';
const ROW_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether it can be the id of a row: a UUID as PostgreSQL prints it. */
export const isRowId = (id: string): boolean => ROW_ID.test(id);

export const createRowReader = (
  pool: Pool,
  { table, rowToJson }: Pick<Entity, 'table' | 'rowToJson'>,
  options: ReadOptions,
): RowReader => {
  const query = async <R extends object>(name: string, text: string, values: unknown[] = []): Promise<R[]> => {
    const ask = () => pool.query<R>({ name: `${table}-reader-${name}`, text, values });
    const { rows } = await retry(ask, { ...READ_ATTEMPTS, ...options, isRetriable: isDatabaseOutage });
    return rows;
  };
  const VERSION = 'id::text, version';
  const JSON_TOO = `${VERSION}, ${rowToJson}(${table}) AS json`;
  return {
    lastId: async () => {
      const text = `SELECT ${VERSION} FROM ${table} ORDER BY ${table}.id DESC LIMIT 1`;
      return (await query<Found>('last', text))[0]?.id;
    },
    count: async () => {
      const [found] = await query<{ count: string }>('count', `SELECT count(*) FROM ${table}`);
      return Number(found?.count ?? 0);
    },
    pages: (pageSize) =>
      inPages(FIRST, async (after) => {
        const text = `SELECT ${JSON_TOO} FROM ${table} WHERE id > $1 ORDER BY ${table}.id LIMIT $2`;
        const items = (await query<Found & { json: string }>('page', text, [after, pageSize])).map(numbered);
        return { items, next: items.length < pageSize ? undefined : items.at(-1)?.id };
      }),
    versionPages: (last) =>
      inPages(FIRST, async (after) => {
        const text = `SELECT ${VERSION} FROM ${table} WHERE id > $1 AND id <= $2 ORDER BY ${table}.id LIMIT $3`;
        const items = (await query<Found>('version-page', text, [after, last, VERSION_PAGE])).map(numbered);
        return { items, next: items.length < VERSION_PAGE ? undefined : items.at(-1)?.id };
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

const numbered = <R extends Found>(row: R) => ({ ...row, version: Number(row.version) });
