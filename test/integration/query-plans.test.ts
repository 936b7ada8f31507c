import type { Pool } from 'pg';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { ANYBODY } from '../../services/platform/auth/actor.ts';
import { taskEntity } from '../../services/task/entity.ts';
import { createTaskStore } from '../../services/task/store.ts';
import { createRowReader } from '../../services/pipeline/rows.ts';
import { taskIn, insertTasks } from '../support/task.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { taskOf } from '../support/events.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
  await insertTasks(
    database.pool,
    Array.from({ length: 5_000 }, () => taskOf()),
  );
  await database.pool.query('ANALYZE tasks');
});
afterAll(() => database.close());

/** The statements that `work` sends. */
const statementsOf = async (work: (pool: Pool) => Promise<unknown>): Promise<string[]> => {
  const { pool } = database;
  const texts: string[] = [];
  const recording = new Proxy(pool, {
    get: (target, name) => {
      if (name !== 'query') return Reflect.get(target, name, target) as unknown;
      return (query: { text: string }) => {
        texts.push(query.text);
        return target.query(query);
      };
    },
  });
  await work(recording);
  return texts;
};

const storeOn = (pool: Pool) =>
  createTaskStore({ pool, entity: taskIn(), onCommit: () => undefined, onBatch: () => undefined });

const rowsOn = (pool: Pool) => createRowReader(pool, taskEntity, { onRetry: () => undefined });

const first = async <T>(pages: AsyncIterable<T>): Promise<void> => {
  await pages[Symbol.asyncIterator]().next();
};

// A page costs what is on it, however many tasks there are: the index gives the order, nothing is sorted.
it.each<[string, (pool: Pool) => Promise<unknown>]>([
  ['a listing', (pool) => storeOn(pool).list(ANYBODY, 20, undefined)],
  ['a page of reindex', (pool) => first(rowsOn(pool).pages(100))],
  ['a page of verify', (pool) => first(rowsOn(pool).statePages('ffffffff-ffff-ffff-ffff-ffffffffffff'))],
  ['the last row, for verify', (pool) => rowsOn(pool).lastId()],
])('%s reads tasks in the order of their index', async (_, work) => {
  const texts = await statementsOf(work);
  expect(texts.length).toBeGreaterThan(0);
  for (const text of texts) {
    const { rows } = await database.pool.query<{ 'QUERY PLAN': string }>(`EXPLAIN (GENERIC_PLAN) ${text}`);
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(plan).toMatch(/using tasks_pkey on tasks/);
    // A merge of what is in order names its key, and sorts nothing.
    expect(plan).not.toContain('Sort  (');
  }
});
