/** Tasks in PostgreSQL, in pages: each page is a statement of its own, so that no long transaction holds up vacuum. */
import type { Pool } from 'pg';
import type { Entity } from '../entity.ts';

/** Where the rows are, and what turns them into JSON. */
export type Rows = Pick<Entity, 'table' | 'rowToJson'>;

export interface TaskRow {
  readonly id: string;
  readonly version: number;
  readonly json: string;
}

interface Row {
  readonly id: string;
  readonly version: string;
  readonly json: string;
}

/** Below every UUID. */
const FIRST = '00000000-0000-0000-0000-000000000000';

/** All rows in order of their ids; the next page is read while the last one is used. */
export const walkRows = async function* (
  pool: Pool,
  entity: Rows,
  pageSize: number,
): AsyncGenerator<readonly TaskRow[]> {
  let next = readPage(pool, entity, FIRST, pageSize);
  for (;;) {
    const page = await next;
    const last = page.at(-1);
    if (last === undefined) return;
    next = readPage(pool, entity, last.id, pageSize);
    // It is awaited in the next round, or never, when the caller leaves: its failure must not end the process then.
    next.catch(() => undefined);
    yield page;
  }
};

const readPage = async (
  pool: Pool,
  { table, rowToJson }: Rows,
  after: string,
  limit: number,
): Promise<readonly TaskRow[]> => {
  const { rows } = await pool.query<Row>({
    name: `${table}-after`,
    text: `SELECT id::text, version, ${rowToJson}(${table}) AS json FROM ${table} WHERE id > $1 ORDER BY ${table}.id LIMIT $2`,
    values: [after, limit],
  });
  return rows.map(({ id, version, json }) => ({ id, version: Number(version), json }));
};

export const countRows = async (pool: Pool, { table }: Rows): Promise<number> => {
  const { rows } = await pool.query<{ count: string }>(`SELECT count(*) FROM ${table}`);
  return Number(rows[0]?.count ?? 0);
};

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** Version of each of `ids` that has a row. */
export const rowVersions = async (
  pool: Pool,
  { table }: Rows,
  ids: readonly string[],
): Promise<ReadonlyMap<string, number>> => {
  const { rows } = await pool.query<{ id: string; version: string }>(
    `SELECT id::text, version FROM ${table} WHERE id = ANY($1::uuid[])`,
    [ids.filter((id) => UUID.test(id))],
  );
  return new Map(rows.map(({ id, version }) => [id, Number(version)]));
};

/** Those of `ids` whose last change Kafka has not yet. */
export const unpublished = async (pool: Pool, ids: readonly string[]): Promise<ReadonlySet<string>> => {
  const { rows } = await pool.query<{ id: string }>(
    'SELECT DISTINCT task_id::text AS id FROM outbox WHERE task_id = ANY($1::uuid[])',
    [ids],
  );
  return new Set(rows.map(({ id }) => id));
};
