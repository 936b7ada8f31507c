/** The side of PostgreSQL: rows in order of id, and single rows again. */
import type { Pool } from 'pg';
import type { Entity } from '../entity.ts';
import { isDatabaseOutage } from '../../platform/postgres-outage.ts';
import { isRowId, type Entry } from './difference.ts';
import { inPages, patiently } from './pages.ts';

const PAGE_ROWS = 5_000;
/** Below every id there is. */
const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';

interface Row {
  readonly id: string;
  readonly version: string;
}

const toEntry = ({ id, version }: Row): Entry => ({ id, version: Number(version) });

const query = async (pool: Pool, name: string, text: string, values: unknown[]): Promise<Entry[]> => {
  const { rows } = await patiently(() => pool.query<Row>({ name, text, values }), isDatabaseOutage);
  return rows.map(toEntry);
};

/** The highest id now; nothing when there are no rows. */
export const lastRowId = async (pool: Pool, { table }: Pick<Entity, 'table'>): Promise<string | undefined> =>
  (
    await query(
      pool,
      `${table}-verify-last`,
      `SELECT id::text, version FROM ${table} ORDER BY ${table}.id DESC LIMIT 1`,
      [],
    )
  )[0]?.id;

/**
 * Rows up to the id `last`, each page with a snapshot of its own: one snapshot for all would keep what is deleted
 * meanwhile, the whole traffic of the outbox, from being vacuumed.
 */
export const streamRows = (pool: Pool, { table }: Pick<Entity, 'table'>, last: string): AsyncGenerator<Entry> =>
  inPages(BEFORE_ALL, async (after) => {
    const items = await query(
      pool,
      `${table}-verify-rows`,
      `SELECT id::text, version FROM ${table} WHERE id > $1 AND id <= $2 ORDER BY ${table}.id LIMIT $3`,
      [after, last, PAGE_ROWS],
    );
    return { items, next: items.length < PAGE_ROWS ? undefined : items.at(-1)?.id };
  });

/** Versions of the rows that exist of these ids. */
export const readRows = async (
  pool: Pool,
  { table }: Pick<Entity, 'table'>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, number>> => {
  const text = `SELECT id::text, version FROM ${table} WHERE id = ANY($1::uuid[])`;
  const found = await query(pool, `${table}-verify-again`, text, [ids.filter(isRowId)]);
  return new Map(found.map(({ id, version }) => [id, version]));
};
