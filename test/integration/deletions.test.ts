import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { NOT_DELETED } from '../../services/pipeline/index/deletion.ts';
import { migrateIndex } from '../../services/pipeline/index/search-index.ts';
import { taskEntity } from '../../services/task/entity.ts';
import { createTestIndex, TEST_SETTINGS } from '../support/search-index.ts';
import { eventRecord, taskOf } from '../support/events.ts';
import { createIndexerFixture, type IndexerFixture, type RunningIndexer } from '../support/indexer.ts';
import { reportOfOps, runOps } from '../support/ops.ts';
import { call, createPipeline, createTask, search, type Pipeline } from '../support/pipeline.ts';
import type { ServiceProcess } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';

const TIMEOUT_MS = 120_000;
const OLD = '2001-01-01T00:00:00.000Z';

interface Source {
  readonly deletedAt?: string;
  readonly version: number;
}

type TestRecord = Parameters<IndexerFixture['topics']['produce']>[0][number];

describe('a deletion in the index', () => {
  let fixture: IndexerFixture;
  let indexer: RunningIndexer;

  beforeAll(async () => {
    fixture = await createIndexerFixture({
      kafkaBrokers: inject('kafkaBrokers'),
      elasticsearchUrl: inject('elasticsearchUrl'),
    });
    indexer = await fixture.start();
  });
  afterAll(() => fixture.close());

  const send = async (...records: readonly TestRecord[]): Promise<void> => {
    await fixture.topics.produce(records);
    await fixture.settled();
  };
  const isFound = async (id: string): Promise<boolean> => (await fixture.index.versions()).has(id);
  /** What a node restart, a relocation and a failover do to a shard: its memory of deleted versions begins empty. */
  const openAnew = async (): Promise<void> => {
    const { client, index } = fixture.index;
    await client.indices.flush({ index });
    await client.indices.close({ index });
    await client.indices.open({ index });
    await client.cluster.health({ index, wait_for_status: 'green', timeout: '30s' });
  };

  it('is final for an older event that comes after the shard was opened anew', async () => {
    const task = taskOf();
    await send(eventRecord('tasks.event.created', task), eventRecord('tasks.event.deleted', { ...task, version: 3 }));
    await openAnew();
    await send(eventRecord('tasks.event.updated', { ...task, version: 2 }));
    expect(await isFound(task.id)).toBe(false);
  });

  it.each([
    ['the same batch', (deleted: TestRecord, tombstone: TestRecord) => [[deleted, tombstone]]],
    ['a later batch', (deleted: TestRecord, tombstone: TestRecord) => [[deleted], [tombstone]]],
  ])('counts once, and nothing as repeated, when its tombstone comes in %s', async (_, batchesOf) => {
    const task = taskOf();
    const counts = async () => {
      const count = (outcome: string) => indexer.metric('taskstream_indexer_events_total', { outcome });
      return {
        deleted: await count('deleted'),
        stale: await count('stale'),
        tombstone: await count('tombstone'),
        // The chaos tier's witness of events that came twice.
        conflicts: await fixture.index.conflicts(),
      };
    };
    await send(eventRecord('tasks.event.created', task));
    const before = await counts();
    const deleted = eventRecord('tasks.event.deleted', { ...task, version: 2 });
    for (const batch of batchesOf(deleted, { key: task.id, value: null, headers: [{ version: '2' }] })) {
      await send(...batch);
    }
    expect(await counts()).toEqual({ ...before, deleted: before.deleted + 1, tombstone: before.tombstone + 1 });
  });

  it('is carried out by the tombstone alone, when compaction has taken its event', async () => {
    const task = taskOf();
    await send(eventRecord('tasks.event.created', task));
    expect(await isFound(task.id)).toBe(true);
    await send({ key: task.id, value: null, headers: [{ version: '2' }, { ce_time: OLD }] });
    expect(await isFound(task.id)).toBe(false);
    const { client, alias } = fixture.index;
    expect((await client.get<Source>({ index: alias, id: task.id }))._source).toEqual({
      id: task.id,
      version: 2,
      deletedAt: OLD,
    });
    // A tombstone of an older deletion, replayed, says nothing about what came back since.
    await send(eventRecord('tasks.event.updated', { ...task, version: 5 }), {
      key: task.id,
      value: null,
      headers: [{ version: '2' }],
    });
    expect(await isFound(task.id)).toBe(true);
  });

  it('waits for an index that takes none yet, and is no dead letter', async () => {
    const { client, alias, index } = fixture.index;
    const older = `${alias}-000002`;
    // As the version before created it.
    const { [index]: created } = await client.indices.get({ index });
    const { deletedAt, ...properties } = created?.mappings?.properties ?? {};
    expect(deletedAt).toBeDefined();
    await client.indices.create({
      index: older,
      settings: TEST_SETTINGS,
      mappings: { ...created?.mappings, properties },
    });
    await client.indices.updateAliases({
      actions: [{ remove: { index, alias } }, { add: { index: older, alias, is_write_index: true } }],
    });
    const task = taskOf();
    await fixture.topics.produce([
      eventRecord('tasks.event.created', task),
      eventRecord('tasks.event.deleted', { ...task, version: 2 }),
    ]);
    await waitFor('the indexer to say why it waits', async () => {
      const reasons = await Promise.all(
        indexer.health.ready.map(async ({ check }) => {
          try {
            await check();
            return '';
          } catch (error) {
            return String(error);
          }
        }),
      );
      return reasons.some((reason) => reason.includes('takes no deletion: run ops migrate'));
    });
    const { code, stderr } = await runOps(['migrate'], {
      ...fixture.env,
      DATABASE_URL: inject('databaseUrl'),
    });
    expect(code, stderr).toBe(0);
    await fixture.settled();
    expect(await isFound(task.id)).toBe(false);
    expect((await client.get<Source>({ index: alias, id: task.id }))._source?.deletedAt).toBeDefined();
    expect(await fixture.topics.readAll(fixture.topics.deadLetters)).toEqual([]);
  });
});

describe('a deletion in all stores', () => {
  let pipeline: Pipeline;
  let api: ServiceProcess;

  beforeAll(async () => {
    pipeline = await createPipeline();
    [api] = await Promise.all([pipeline.startApi(), pipeline.startIndexer()]);
  });
  afterAll(() => pipeline.close());

  const ops = (...args: string[]) => reportOfOps(args, pipeline.env);
  const verify = (...args: string[]) => ops('verify', '--json', '--grace', '5', ...args);
  const remove = async (id: string): Promise<void> => {
    expect((await call(api, 'DELETE', `/tasks/${id}`)).status).toBe(204);
  };
  const markerOf = async (id: string): Promise<Source | undefined> => {
    const { client, alias } = pipeline.index;
    return (await client.get<Source>({ index: alias, id }, { ignore: [404] }))._source;
  };
  const filterOf = async (): Promise<unknown> => {
    const { client, alias } = pipeline.index;
    return Object.values(await client.indices.getAlias({ name: alias })).map(({ aliases }) => aliases[alias]?.filter);
  };
  const replay = async (task: Awaited<ReturnType<typeof createTask>>): Promise<void> => {
    await pipeline.topics.produce([eventRecord('tasks.event.updated', { ...task, version: 1 })]);
    const end = await pipeline.topics.end();
    const group = pipeline.env['CONSUMER_GROUP'] ?? '';
    await waitFor('the event', async () => (await pipeline.topics.committed(group)) >= end);
  };

  it('is not found where the alias was set by hand, and lost its filter', async () => {
    const deleted = await createTask(api, 'bittern');
    await remove(deleted.id);
    // Neither store shows it before its creation is indexed either.
    await waitFor('the marker', async () => (await markerOf(deleted.id))?.deletedAt !== undefined);
    const { client, alias, index } = pipeline.index;
    // A marker is read by its id at once, and found by a search with the next refresh.
    await client.indices.refresh({ index });
    await client.indices.updateAliases({ actions: [{ add: { index, alias, is_write_index: true } }] });
    expect(await filterOf()).toEqual([undefined]);
    expect(await search(api, '')).toMatchObject({ total: 0, tasks: [] });
    expect(await verify()).toMatchObject({ code: 2, report: { shownDeletions: 1 } });
    expect(await runOps(['verify', '--grace', '5'], pipeline.env)).toMatchObject({
      code: 2,
      stdout: expect.stringMatching(/`npm run ops -- migrate`\s+puts it back\./) as string,
    });
    expect((await runOps(['migrate'], pipeline.env)).code).toBe(0);
    expect(await filterOf()).toEqual([NOT_DELETED]);
    expect(await verify()).toMatchObject({ code: 0, report: { shownDeletions: 0 } });
  });

  it.each(['postgres', 'topic'])(
    'is final for an older event that comes after a reindex from %s, and after a rollback',
    async (source) => {
      const [kept, deleted] = [await createTask(api, 'kept'), await createTask(api, 'deleted')];
      await remove(deleted.id);
      await pipeline.converged();
      const filter = await filterOf();
      expect(filter).toEqual([{ bool: { must_not: [{ exists: { field: 'deletedAt' } }] } }]);
      await ops('reindex', '--json', '--source', source);
      expect(await filterOf()).toEqual(filter);
      expect(await markerOf(deleted.id)).toMatchObject({ version: 2 });
      await replay(deleted);
      await pipeline.converged();
      await ops('reindex', 'rollback', '--json');
      expect(await filterOf()).toEqual(filter);
      await replay(deleted);
      await pipeline.converged();
      expect((await pipeline.index.versions()).has(kept.id)).toBe(true);
      expect(await verify()).toMatchObject({ code: 0, report: { drift: { missing: 0, surplus: 0 } } });
    },
    TIMEOUT_MS,
  );

  it(
    'by a version without markers, or by hand, is recorded; verify finds its marker missing and writes it',
    async () => {
      const { pool } = pipeline.database;
      const [byHand, before] = [await createTask(api, 'by hand'), await createTask(api, 'by the version before')];
      await pipeline.converged();
      await pool.query('DELETE FROM tasks WHERE id = ANY($1::uuid[])', [[byHand.id, before.id]]);
      // As its indexer did.
      const { client, alias } = pipeline.index;
      await client.delete({ index: alias, id: before.id, version: 2, version_type: 'external', refresh: true });
      expect(await verify()).toMatchObject({ code: 2, report: { drift: { missing: 1, surplus: 1 } } });
      expect(await verify('--repair')).toMatchObject({ code: 0, report: { repaired: { missing: 1, surplus: 1 } } });
      expect(await markerOf(before.id)).toMatchObject({ version: 2 });
      expect(await markerOf(byHand.id)).toMatchObject({ version: 2 });
      await replay(before);
      await pipeline.converged();
    },
    TIMEOUT_MS,
  );

  it(
    'is purged when its time is over, marker and record, and a younger one is not',
    async () => {
      const { pool } = pipeline.database;
      const [old, young] = [await createTask(api, 'old'), await createTask(api, 'young')];
      await Promise.all([remove(old.id), remove(young.id)]);
      await pipeline.converged();
      const { client, alias } = pipeline.index;
      const at = new Date(Date.now() - 8 * 86_400_000).toISOString();
      await client.index({
        index: alias,
        id: old.id,
        version: 2,
        version_type: 'external_gte',
        document: { id: old.id, version: 2, deletedAt: at },
      });
      await pool.query('UPDATE deletions SET deleted_at = $2 WHERE id = $1', [old.id, at]);
      const recorded = async () =>
        (await pool.query<{ id: string }>('SELECT id FROM deletions WHERE id = ANY($1::uuid[])', [[old.id, young.id]]))
          .rows;
      expect(await verify()).toMatchObject({ code: 0, report: { purged: 0 } });
      expect(await recorded()).toHaveLength(2);
      const { code, stdout } = await runOps(['verify', '--json', '--grace', '5'], {
        ...pipeline.env,
        DELETION_RETENTION_DAYS: '7',
      });
      expect({ code, report: JSON.parse(stdout) as unknown }).toMatchObject({ code: 0, report: { purged: 1 } });
      expect(await recorded()).toEqual([{ id: young.id }]);
      expect(await markerOf(old.id)).toBeUndefined();
      expect(await markerOf(young.id)).toMatchObject({ version: 2 });
    },
    TIMEOUT_MS,
  );

  it(
    'is not missed where its time is over between its event and its record, which is written a moment later',
    async () => {
      const { pool } = pipeline.database;
      const { id } = await createTask(api, 'between');
      await remove(id);
      await waitFor('the marker', async () => (await markerOf(id))?.deletedAt !== undefined);
      const { rows } = await pool.query<{ at: Date }>('SELECT deleted_at AS at FROM deletions WHERE id = $1', [id]);
      const [marker, record] = [Date.parse((await markerOf(id))?.deletedAt ?? ''), rows[0]?.at.getTime() ?? 0];
      // The statement that deletes writes the event, and its trigger the record.
      expect(record).toBeGreaterThanOrEqual(marker);
      // The same a day ago, with the time between them.
      const [before, after] = [-300_000, 300_000].map((ms) => new Date(Date.now() - 86_400_000 + ms).toISOString());
      const { client, alias } = pipeline.index;
      await client.index({
        index: alias,
        id,
        version: 2,
        version_type: 'external_gte',
        document: { id, version: 2, deletedAt: before },
      });
      await pool.query('UPDATE deletions SET deleted_at = $2 WHERE id = $1', [id, after]);
      const env = { ...pipeline.env, DELETION_RETENTION_DAYS: '1' };
      const { code, report } = await reportOfOps(['verify', '--json', '--grace', '1'], env);
      expect({ code, report }).toMatchObject({ code: 0, report: { drift: { missing: 0 } } });
      expect(await markerOf(id)).toMatchObject({ version: 2 });
    },
    TIMEOUT_MS,
  );
});

describe('migrate, on an alias of the version before with two indices', () => {
  it('hides deletions in both, lets both take them, and leaves the write index what it is', async () => {
    const first = await createTestIndex(inject('elasticsearchUrl'));
    const { client, alias, index } = first;
    const second = `${alias}-000002`;
    try {
      const { [index]: created } = await client.indices.get({ index });
      const { deletedAt, ...properties } = created?.mappings?.properties ?? {};
      expect(deletedAt).toBeDefined();
      const third = `${alias}-000003`;
      for (const older of [second, third]) {
        await client.indices.create({
          index: older,
          settings: TEST_SETTINGS,
          mappings: { ...created?.mappings, properties },
        });
      }
      await client.indices.updateAliases({
        actions: [
          { remove: { index, alias } },
          { add: { index: second, alias } },
          { add: { index: third, alias, is_write_index: true } },
        ],
      });
      const options = { alias, shards: 1, replicas: 0, gcDeletes: '1h', refreshInterval: '1s' };
      // Twice: a migration may run again.
      for (let run = 0; run < 2; run += 1) {
        expect((await migrateIndex(client, taskEntity, options)).created).toBe(false);
      }
      const aliases = await client.indices.getAlias({ name: alias });
      const writable = Object.entries(aliases).map(([name, found]) => [name, found.aliases[alias]?.is_write_index]);
      expect(Object.fromEntries(writable)).toEqual({ [second]: false, [third]: true });
      for (const name of [second, third]) {
        await client.index({ index: name, id: 'a', document: { id: 'a', version: 1, deletedAt: OLD }, refresh: true });
      }
      expect((await client.count({ index: alias })).count).toBe(0);
      await client.index({ index: alias, id: 'b', document: { id: 'b', version: 1 }, refresh: true });
      expect(await first.versions()).toEqual(new Map([['b', expect.any(Number)]]));
    } finally {
      await first.close();
    }
  });
});

describe('the first index', () => {
  it('hides deletions from every search and count', async () => {
    const first = await createTestIndex(inject('elasticsearchUrl'));
    const { client, alias } = first;
    try {
      await client.index({
        index: alias,
        id: 'a',
        document: { id: 'a', version: 1, deletedAt: OLD },
        refresh: true,
      });
      expect((await client.count({ index: alias })).count).toBe(0);
      expect((await client.search({ index: alias })).hits.hits).toEqual([]);
    } finally {
      await first.close();
    }
  });
});
