import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NOT_DELETED } from '../../services/pipeline/index/deletion.ts';
import { encodeEvent } from '../../services/pipeline/events.ts';
import type { Task } from '../../services/task/task.ts';
import { deepEvent, eventRecord, taskOf } from '../support/events.ts';
import { call, createPipeline, createTask, type Pipeline } from '../support/pipeline.ts';
import type { ServiceProcess } from '../support/process.ts';
import { runOps, startOps } from '../support/ops.ts';
import { waitFor } from '../support/wait.ts';
import { updateOf } from '../support/sample.ts';
import { insertTasks } from '../support/task.ts';

let pipeline: Pipeline;

// Each command is a process of its own, and takes seconds to start on a busy machine.
vi.setConfig({ testTimeout: 180_000 });

beforeEach(async () => {
  pipeline = await createPipeline();
});
afterEach(async () => {
  await pipeline.close();
});

const reindex = (...args: string[]) => runOps(['reindex', ...args], pipeline.env);
const indexOf = (number: number) => `${pipeline.index.alias}-00000${number}`;
const liveIndex = async () => Object.keys(await pipeline.index.client.indices.getAlias({ name: pipeline.index.alias }));
const allIndices = async () =>
  Object.keys(await pipeline.index.client.indices.get({ index: `${pipeline.index.alias}-*` })).sort();

/** Tasks straight into the database, without events. */
const insert = (...tasks: Task[]) => insertTasks(pipeline.database.pool, tasks);
const insertMany = (count: number) =>
  insert(...Array.from({ length: count }, (_, i) => taskOf({ version: 1 + (i % 3) })));
const update = async (api: ServiceProcess, { id }: Task): Promise<void> => {
  expect((await call(api, 'PUT', `/tasks/${id}`, updateOf('changed'))).status).toBe(200);
};
const remove = async (api: ServiceProcess, { id }: Task): Promise<void> => {
  expect((await call(api, 'DELETE', `/tasks/${id}`)).status).toBe(204);
};

describe('ops reindex', () => {
  it('fills the next index from PostgreSQL, with the settings and the strict mapping that serve, and keeps the old one', async () => {
    await insertMany(2_500);
    const result = await reindex('--json');
    expect(result).toMatchObject({ code: 0 });
    expect(JSON.parse(result.stdout)).toMatchObject({ outcome: 'switched', copied: 2_500, to: indexOf(2) });
    expect(await liveIndex()).toEqual([indexOf(2)]);
    expect(await pipeline.index.versions()).toEqual(await pipeline.database.versions());
    const { [indexOf(2)]: index } = await pipeline.index.client.indices.get({ index: indexOf(2) });
    expect(index?.settings?.index).toMatchObject({
      refresh_interval: '1s',
      number_of_replicas: '0',
      gc_deletes: '24h',
    });
    expect(index?.mappings?.dynamic).toBe('strict');
    expect(index?.aliases).toEqual({ [pipeline.index.alias]: { is_write_index: true, filter: NOT_DELETED } });

    const { stdout } = await reindex('list', '--json');
    expect(JSON.parse(stdout)).toMatchObject([
      { index: indexOf(1), state: 'previous', alias: null, isWriteBlocked: true, documents: 0 },
      { index: indexOf(2), state: 'live', alias: pipeline.index.alias, isWriteBlocked: false, documents: 2_500 },
    ]);
  });

  it('keeps to the speed limit', async () => {
    await insertMany(400);
    const result = await reindex('--max-rate', '100', '--json');
    expect(result).toMatchObject({ code: 0 });
    expect((JSON.parse(result.stdout) as { seconds: number }).seconds).toBeGreaterThan(2.9);
  });

  it('is refused while another one runs; the one that runs can be interrupted and leaves nothing behind', async () => {
    await insertMany(2_000);
    const first = startOps(['reindex', '--max-rate', '10'], pipeline.env);
    await waitFor('the copy to begin', () => first.stderr().includes('copying tasks'));
    const [list, ...refused] = await Promise.all([
      reindex('list', '--json'),
      reindex(),
      reindex('rollback'),
      reindex('discard', indexOf(2)),
    ]);
    for (const { code, stderr } of refused) {
      expect(code).toBe(1);
      expect(stderr).toContain('Another reindex, rollback or discard is running');
    }
    expect(JSON.parse(list.stdout)).toMatchObject([{ state: 'live' }, { state: 'building' }]);

    first.child.kill('SIGTERM');
    const ended = await first.ended;
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('Ended by SIGTERM');
    expect(await allIndices()).toEqual([indexOf(1)]);
    expect(await liveIndex()).toEqual([indexOf(1)]);
  });

  it('ends when it loses its lock, before another one could begin beside it', async () => {
    await insertMany(2_000);
    const running = startOps(['reindex', '--max-rate', '10'], pipeline.env);
    await waitFor('the copy to begin', () => running.stderr().includes('copying tasks'));
    const { rowCount } = await pipeline.database.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%pg_try_advisory_lock%'`,
    );
    expect(rowCount).toBe(1);
    const ended = await running.ended;
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('Lost the connection to PostgreSQL, and with it the lock');
    expect(await allIndices()).toEqual([indexOf(1)]);
    expect(await liveIndex()).toEqual([indexOf(1)]);
  });

  it('does not lift a write block that somebody else has set', async () => {
    await pipeline.index.client.indices.addBlock({ index: indexOf(1), block: 'write' });
    const result = await reindex();
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('no reindex has blocked them');
    expect(await allIndices()).toEqual([indexOf(1)]);
  });

  it('leaves the alias alone when a row does not fit the mapping, and shows which and why', async () => {
    await insertMany(50);
    const bad = taskOf();
    await insert(bad);
    await pipeline.database.pool.query("UPDATE tasks SET created_at = '20000-01-01' WHERE id = $1", [bad.id]);
    const result = await reindex();
    expect(result.code).toBe(2);
    expect(result.stdout).toContain(`task ${bad.id}, version 1: `);
    expect(await liveIndex()).toEqual([indexOf(1)]);
    expect(await allIndices()).toEqual([indexOf(1)]);
  });

  it('leaves the alias alone when the index rejects an event; a newer version that fits makes it good', async () => {
    // Elasticsearch knows offsets up to 18 hours; JSON schema knows no bound.
    const bad = taskOf({ version: 2, updatedAt: '2026-01-01T00:00:00+23:00' });
    await insert(taskOf({ id: bad.id }));
    await pipeline.topics.produce([eventRecord('tasks.event.updated', bad)]);
    const refused = await reindex('--source', 'topic', '--json');
    expect(refused.code).toBe(2);
    expect(JSON.parse(refused.stdout)).toMatchObject({
      outcome: 'rejected',
      rejects: [{ id: bad.id, version: 2, reason: expect.stringContaining('updatedAt') as string }],
    });
    expect(await liveIndex()).toEqual([indexOf(1)]);

    await pipeline.database.pool.query('UPDATE tasks SET version = 3 WHERE id = $1', [bad.id]);
    await pipeline.topics.produce([
      eventRecord('tasks.event.updated', { ...bad, version: 3, updatedAt: bad.createdAt }),
    ]);
    expect(await reindex('--source', 'topic')).toMatchObject({ code: 0 });
    expect(await pipeline.index.versions()).toEqual(new Map([[bad.id, 3]]));
  });
});

describe('ops reindex --source topic', () => {
  it('gives the same documents as PostgreSQL has, past poison and deletions whose event compaction took', async () => {
    const api = await pipeline.startApi();
    const tasks = await Promise.all(Array.from({ length: 60 }, (_, i) => createTask(api, `task ${i}`)));
    await Promise.all(tasks.slice(0, 20).map((task) => update(api, task)));
    await Promise.all(tasks.slice(10, 30).map((task) => remove(api, task)));
    const gone = taskOf();
    await pipeline.topics.produce([
      eventRecord('tasks.event.created', gone),
      { key: gone.id, value: null, headers: [] },
      { key: taskOf().id, value: Buffer.from('no event'), headers: [] },
      { key: taskOf().id, value: encodeEvent('tasks.event.created', '{}'), headers: [] },
      deepEvent(),
    ]);
    await pipeline.database.outboxEmpty();
    const result = await reindex('--source', 'topic', '--json');
    expect(result).toMatchObject({ code: 0 });
    expect(JSON.parse(result.stdout)).toMatchObject({ copied: 0, pruned: 1 });
    const versions = await pipeline.index.versions();
    expect(versions).toEqual(await pipeline.database.versions());
    expect(versions.size).toBe(40);
  });

  it('leaves the alias alone when the topic lacks what PostgreSQL has', async () => {
    await insertMany(30);
    const result = await reindex('--source', 'topic');
    expect(result.code).toBe(2);
    expect(result.stdout).toContain('the topic lacks changes of 30 tasks');
    expect(await liveIndex()).toEqual([indexOf(1)]);
  });
});

describe('ops reindex rollback', () => {
  it('brings the writes and deletions of the meantime into the old index, and goes forward again', async () => {
    const [api] = await Promise.all([pipeline.startApi(), pipeline.startIndexer()]);
    const tasks = await Promise.all(Array.from({ length: 30 }, (_, i) => createTask(api, `task ${i}`)));
    await pipeline.converged();
    expect((await reindex('rollback')).stderr).toContain('There is nothing to go back to');
    expect(await reindex()).toMatchObject({ code: 0 });

    await Promise.all(tasks.slice(0, 10).map((task) => update(api, task)));
    await Promise.all(tasks.slice(5, 15).map((task) => remove(api, task)));
    await Promise.all(Array.from({ length: 5 }, (_, i) => createTask(api, `new ${i}`)));
    await pipeline.converged();
    const back = await reindex('rollback', '--json');
    expect(back).toMatchObject({ code: 0 });
    expect(JSON.parse(back.stdout)).toMatchObject({ from: indexOf(2), to: indexOf(1), pruned: 10 });
    expect(await liveIndex()).toEqual([indexOf(1)]);
    expect(await pipeline.index.versions()).toEqual(await pipeline.database.versions());

    await createTask(api, 'into the old index');
    await pipeline.converged();
    expect(await reindex('rollback')).toMatchObject({ code: 0 });
    expect(await liveIndex()).toEqual([indexOf(2)]);
    await createTask(api, 'into the new index');
    await pipeline.converged();
  });
});

describe('ops reindex discard', () => {
  it('deletes the old index and refuses the one that serves; migrate goes on working', async () => {
    expect(await reindex()).toMatchObject({ code: 0 });
    const refused = await reindex('discard', indexOf(2));
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('serves the alias');
    expect((await reindex('discard', 'another')).code).toBe(1);
    expect(await reindex('discard', indexOf(1))).toMatchObject({ code: 0 });
    expect(await allIndices()).toEqual([indexOf(2)]);
    expect((await reindex('rollback')).stderr).toContain('is gone');

    expect(await runOps(['migrate'], pipeline.env)).toMatchObject({ code: 0 });
    expect(await allIndices()).toEqual([indexOf(2)]);
    expect(await reindex()).toMatchObject({ code: 0 });
    expect(await liveIndex()).toEqual([indexOf(3)]);
  });
});
