import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Task } from '../../services/task/task.ts';
import { reportOfOps, runOps } from '../support/ops.ts';
import { call, createPipeline, createTask, search, type Pipeline } from '../support/pipeline.ts';
import { stopProcess, type ServiceProcess } from '../support/process.ts';
import { createTestIndex, type TestIndex } from '../support/search-index.ts';
import { waitFor } from '../support/wait.ts';
import { updateOf } from '../support/sample.ts';

const TIMEOUT_MS = 180_000;
/** Tasks of each fate. */
const EACH = 8;

let pipeline: Pipeline;
let rebuilt: TestIndex;
let api: ServiceProcess;

beforeAll(async () => {
  [pipeline, rebuilt] = await Promise.all([createPipeline(), createTestIndex(inject('elasticsearchUrl'))]);
  [api] = await Promise.all([pipeline.startApi(), pipeline.startIndexer()]);
});
afterAll(() => Promise.all([pipeline.close(), rebuilt.close()]));

const many = (name: string): Promise<Task[]> =>
  Promise.all(Array.from({ length: EACH }, (_, i) => createTask(api, `${name} ${i}`)));

const update = async ({ id }: Task, times = 1, text = 'changed'): Promise<void> => {
  for (let i = 0; i < times; i += 1) {
    const { status } = await call(api, 'PUT', `/tasks/${id}`, updateOf(text));
    if (status !== 200) throw new Error(`PUT answered ${status}`);
  }
};

const verify = (...args: string[]) => reportOfOps(['verify', '--json', '--grace', '5', ...args], pipeline.env);

/** Reads the whole topic again, as another group, into an index. */
const replayInto = async (alias: string, group: string): Promise<void> => {
  const indexer = await pipeline.startIndexer({ TASK_INDEX: alias, CONSUMER_GROUP: group });
  const end = await pipeline.topics.end();
  await waitFor('the whole topic', async () => (await pipeline.topics.committed(group)) >= end, { timeoutMs: 60_000 });
  await stopProcess(indexer);
};

const content = async (): Promise<unknown> =>
  (await pipeline.database.pool.query('SELECT id::text, task_json(tasks) AS json FROM tasks ORDER BY id')).rows;

describe('a PostgreSQL restored from a backup', () => {
  it(
    'and its index are brought in line by verify --repair, and a replay of the whole topic changes nothing',
    async () => {
      const { pool } = pipeline.database;
      const [kept, changed, deleted] = await Promise.all([many('kept'), many('changed'), many('deleted')]);
      await Promise.all([...changed, ...deleted].map((task) => update(task)));
      await pool.query('CREATE TABLE backup AS SELECT * FROM tasks');
      // What the backup does not know.
      await Promise.all(changed.map((task) => update(task, 3)));
      await Promise.all(deleted.map((task) => update(task)));
      await Promise.all(deleted.map(({ id }) => call(api, 'DELETE', `/tasks/${id}`)));
      const later = await many('later');
      await pipeline.converged();

      await stopProcess(api);
      await pool.query('BEGIN; TRUNCATE tasks, outbox; INSERT INTO tasks SELECT * FROM backup; COMMIT');
      const restored = (await content()) as { id: string; json: string }[];
      api = await pipeline.startApi();

      expect(await verify()).toMatchObject({
        code: 2,
        report: { drift: { missing: 0, stale: 0, ahead: 2 * EACH, surplus: EACH }, undecided: 0 },
      });
      expect(await verify('--repair')).toMatchObject({
        code: 0,
        report: { repaired: { missing: 0, stale: 0, ahead: 2 * EACH, surplus: EACH }, undecided: 0 },
      });
      const none = { drift: { missing: 0, stale: 0, ahead: 0, surplus: 0 }, undecided: 0, rows: 3 * EACH };
      expect(await verify()).toMatchObject({ code: 0, report: none });
      // Versions rose, and nothing else changed.
      const withoutVersions = (rows: { json: string }[]) =>
        rows.map(({ json }) => ({ ...(JSON.parse(json) as Task), version: 0 }));
      expect(withoutVersions((await content()) as { json: string }[])).toEqual(withoutVersions(restored));
      expect((await pipeline.database.versions()).get(kept[0]?.id ?? '')).toBe(1);

      // Clients go on: their changes reach the index, which a row with an older version's could not.
      await waitFor('search', async () => (await search(api, 'later')).total === 0);
      for (const task of [kept[0], changed[0], deleted[0]]) if (task !== undefined) await update(task);
      await pipeline.converged();

      const versions = await pipeline.database.versions();
      await replayInto(pipeline.index.alias, `again-${pipeline.topics.tasks}`);
      expect(await pipeline.index.versions()).toEqual(versions);
      await replayInto(rebuilt.alias, `anew-${pipeline.topics.tasks}`);
      expect(await rebuilt.versions()).toEqual(versions);
      expect(later.filter(({ id }) => versions.has(id))).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    'serves at once when its versions were raised before: no change is refused as an old one, and contents are equal',
    async () => {
      const { pool } = pipeline.database;
      const [changed, deleted] = await Promise.all([many('raised'), many('raised too')]);
      await pipeline.converged();
      await pool.query('DROP TABLE IF EXISTS backup; CREATE TABLE backup AS SELECT * FROM tasks');
      // What the backup does not know, under the versions that come next.
      await Promise.all(changed.map((task) => update(task, 3)));
      await Promise.all(deleted.map(({ id }) => call(api, 'DELETE', `/tasks/${id}`)));
      const later = await many('lost');
      await pipeline.converged();

      await stopProcess(api);
      await pool.query('BEGIN; TRUNCATE tasks, outbox; INSERT INTO tasks SELECT * FROM backup; COMMIT');
      const { code, stdout, stderr } = await runOps(['restore'], pipeline.env);
      expect(code, stderr).toBe(0);
      expect(stdout).toMatch(/^\d+ tasks raised by \d{11,}/);
      api = await pipeline.startApi();
      const [first] = changed;
      if (first === undefined) throw new Error('no task');
      await update(first, 1, 'after the restore');
      await waitFor('search', async () => (await search(api, 'after the restore')).total === 1);
      await pipeline.database.outboxEmpty();
      // What is left is what the backup never had.
      expect(await verify('--content')).toMatchObject({
        code: 2,
        report: { drift: { missing: 0, stale: 0, ahead: 0, surplus: later.length, content: 0 }, undecided: 0 },
      });
      expect(await verify('--repair')).toMatchObject({ code: 0 });
      await pipeline.converged();
      expect((await pipeline.index.versions()).has(deleted[0]?.id ?? '')).toBe(true);
    },
    TIMEOUT_MS,
  );

  it(
    'a second time from the same backup goes above all that was seen since the first',
    async () => {
      const { pool } = pipeline.database;
      const task = await createTask(api, 'restored twice');
      await pipeline.converged();
      await pool.query('DROP TABLE IF EXISTS backup; CREATE TABLE backup AS SELECT * FROM tasks');
      const restoreWith = async (text: string): Promise<number> => {
        await stopProcess(api);
        await pool.query('BEGIN; TRUNCATE tasks, outbox; INSERT INTO tasks SELECT * FROM backup; COMMIT');
        expect((await runOps(['restore'], pipeline.env)).code).toBe(0);
        api = await pipeline.startApi();
        await update(task, 1, text);
        await pipeline.converged();
        expect((await search(api, text)).total).toBe(1);
        return (await pipeline.database.versions()).get(task.id) ?? 0;
      };
      const first = await restoreWith('heron');
      expect(await restoreWith('egret')).toBeGreaterThan(first);
    },
    TIMEOUT_MS,
  );
});
