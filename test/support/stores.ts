/** Many tasks at once in both stores, equal, and ways to make them differ. */
import { v7 as uuidv7 } from 'uuid';
import type { TestDatabase } from './database.ts';
import { taskOf } from './events.ts';
import type { TestIndex } from './search-index.ts';
import { insertTasks } from './task.ts';

const CHUNK = 5_000;

/** Ids of `count` new tasks in order, with a row and a document each. */
export const fillStores = async (
  database: TestDatabase,
  index: TestIndex,
  count: number,
  version = 3,
): Promise<string[]> => {
  const ids = Array.from({ length: count }, () => uuidv7()).sort();
  for (let from = 0; from < count; from += CHUNK) {
    const some = ids.slice(from, from + CHUNK);
    await insertRows(database, some, version);
    await indexDocuments(index, some, version);
  }
  await database.pool.query('ANALYZE tasks');
  return ids;
};

export const insertRows = async (database: TestDatabase, ids: readonly string[], version: number): Promise<void> => {
  await insertTasks(
    database.pool,
    ids.map((id) => taskOf({ id, version })),
  );
};

export const deleteRows = async (database: TestDatabase, ids: readonly string[]): Promise<void> => {
  await database.pool.query('DELETE FROM tasks WHERE id = ANY($1::uuid[])', [ids]);
};

export const setRowVersions = async (
  database: TestDatabase,
  ids: readonly string[],
  version: number,
): Promise<void> => {
  await database.pool.query('UPDATE tasks SET version = $2 WHERE id = ANY($1::uuid[])', [ids, version]);
};

export const indexDocuments = async (index: TestIndex, ids: readonly string[], version: number | string) => {
  await bulk(
    index,
    ids.flatMap((id) => [
      // As text: a version may be beyond what a number can be.
      `{"index":{"_id":${JSON.stringify(id)},"version":${version},"version_type":"external_gte"}}`,
      JSON.stringify(taskOf({ id, version: Number(version) > 2 ** 53 ? 1 : Number(version) })),
    ]),
  );
};

/** Removes documents without a trace of their version, as if they had never been indexed. */
export const deleteDocuments = async (index: TestIndex, ids: readonly string[]): Promise<void> => {
  await bulk(
    index,
    ids.map((id) => JSON.stringify({ delete: { _id: id } })),
  );
};

const bulk = async (index: TestIndex, operations: string[]): Promise<void> => {
  if (operations.length === 0) return;
  const { errors, items } = await index.client.bulk({ index: index.alias, operations });
  if (errors) throw new Error(JSON.stringify(items.slice(0, 3)));
};
