import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@elastic/elasticsearch';
import { trace } from '@opentelemetry/api';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { createApp } from '../../services/api/app.ts';
import { startIndexer } from '../../services/pipeline/consume/indexer.ts';
import { createIndexerMetrics } from '../../services/pipeline/consume/metrics.ts';
import { createSearchBreaker } from '../../services/pipeline/index/breaker.ts';
import { ensureIndex } from '../../services/pipeline/index/search-index.ts';
import { reindex } from '../../services/pipeline/reindex/reindex.ts';
import { observeVerifyRuns, recordRun } from '../../services/pipeline/verify/runs.ts';
import { createRelayMetrics } from '../../services/pipeline/relay/metrics.ts';
import { startRelay } from '../../services/pipeline/relay/relay.ts';
import { verify, type VerifyResult } from '../../services/pipeline/verify/verify.ts';
import { readApiConfig } from '../../services/api/config.ts';
import { readIndexerConfig } from '../../services/indexer/config.ts';
import { closeServer } from '../../services/platform/http/connections.ts';
import { listen } from '../../services/platform/http/health.ts';
import { createApiMetrics } from '../../services/platform/http/metrics.ts';
import { createLogger } from '../../services/platform/logger.ts';
import { createPool } from '../../services/platform/postgres.ts';
import { taskRoutes } from '../../services/task/routes.ts';
import { createTaskSearch, createTaskStore } from '../../services/task/store.ts';
import type { PlacedEntity } from '../../services/pipeline/entity.ts';
import { noteEntity, noteRoutes, placeNote } from '../fixtures/notes/notes.ts';
import { createTestDatabase } from '../support/database.ts';
import { createTestTopics } from '../support/kafka.ts';
import { sumOf } from '../support/process.ts';
import { createTestIndex } from '../support/search-index.ts';
import { taskIn } from '../support/task.ts';
import { waitFor } from '../support/wait.ts';
import { creationOf, searchFor } from '../support/sample.ts';

const INDEX = { shards: 1, replicas: 0, gcDeletes: '1h', refreshInterval: '200ms' };

/** Tasks and notes in one process: one application, one relay, an indexer for each. */
const start = async () => {
  const [database, tasks, notes, taskIndex] = await Promise.all([
    createTestDatabase(inject('databaseUrl')),
    createTestTopics(inject('kafkaBrokers')),
    createTestTopics(inject('kafkaBrokers'), { cleanup: 'delete' }),
    createTestIndex(inject('elasticsearchUrl')),
  ]);
  await database.pool.query(readFileSync(join(import.meta.dirname, '../fixtures/notes/notes.sql'), 'utf8'));
  const env = {
    DATABASE_URL: database.url,
    KAFKA_BROKERS: inject('kafkaBrokers'),
    ELASTICSEARCH_URL: inject('elasticsearchUrl'),
    TASKS_TOPIC: tasks.tasks,
    DEAD_LETTER_TOPIC: tasks.deadLetters,
    TASK_INDEX: taskIndex.alias,
    CONSUMER_GROUP: `group-${tasks.tasks}`,
    SESSION_TIMEOUT_MS: '45000',
    AUTH: 'none',
  };
  const task = taskIn(env);
  const note = placeNote({
    topic: notes.tasks,
    deadLetterTopic: notes.deadLetters,
    alias: `notes-${taskIndex.alias}`,
    group: `group-${notes.tasks}`,
  });
  const config = { ...readIndexerConfig(env), ...readApiConfig(env) };
  const logger = createLogger({ service: 'test', level: 'silent' });
  const registry = new Registry();
  const tracer = trace.getTracer('test');
  const pool = createPool(config, 'test', logger);
  const client = new Client({ node: config.ELASTICSEARCH_URL, maxRetries: 0 });
  await ensureIndex(client, noteEntity, { alias: note.alias, ...INDEX });
  observeVerifyRuns(pool, [task, note], registry);
  const breaker = createSearchBreaker({ resetMs: 500, registry, logger });
  const relay = startRelay({ config, entities: [task, note], logger, metrics: createRelayMetrics(registry), tracer });
  const onCommit = relay.wake;
  const app = createApp({
    entities: [task, note],
    routes: [
      ...taskRoutes({
        store: createTaskStore({ pool, entity: task, onCommit, onBatch: () => undefined }),
        search: createTaskSearch({ client, alias: task.alias, timeoutMs: 30_000, breaker }),
      }),
      ...noteRoutes(note, { pool, client, breaker, onCommit }),
    ],
    logger,
    tracer,
    metrics: createApiMetrics(registry),
    corsOrigins: [],
    rateLimitPerMinute: 0,
    trustedProxies: 0,
    isStopping: () => false,
  });
  const { server, port } = await listen(app.fetch, '127.0.0.1', 0);
  const metrics = createIndexerMetrics(registry);
  const signal = new AbortController().signal;
  const indexers = [task, note].map((entity) =>
    startIndexer({ config, entity, elasticsearch: client, logger, metrics, tracer, signal }),
  );
  await Promise.all(indexers.map(({ running }) => running));
  return {
    ...{ config, logger, pool, client, task, note, notes, registry, database },
    call: async (method: string, path: string, body?: object, headers: Record<string, string> = {}) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        method,
        headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Record<string, never> };
    },
    close: async () => {
      await closeServer(server);
      await relay.close();
      await Promise.all(indexers.map((indexer) => indexer.close()));
      breaker.close();
      for (const name of Object.keys(await client.indices.get({ index: `${note.alias}-*` }))) {
        await client.indices.delete({ index: name });
      }
      await Promise.all([pool.end(), client.close()]);
      await Promise.all([database.close(), tasks.close(), notes.close(), taskIndex.close()]);
    },
  };
};

let world: Awaited<ReturnType<typeof start>>;
beforeAll(async () => {
  world = await start();
});
afterAll(() => world.close());

interface Note {
  readonly id: string;
  readonly version: number;
  readonly title: string;
}
const create = async (body: object, headers = {}): Promise<Note> => {
  const answer = await world.call('POST', '/notes', body, headers);
  expect(answer.status).toBe(201);
  return (answer.body as unknown as { note: Note }).note;
};
const find = async (conditions: object): Promise<readonly Note[]> => {
  const { body } = await world.call('POST', '/notes/search', conditions);
  return (body as unknown as { notes: Note[] }).notes;
};
const found = (conditions: object, count: number) =>
  waitFor(`${count} notes`, async () => (await find(conditions)).length === count);

it('carries a second entity from HTTP to search, through the same relay, beside the first', async () => {
  const key = { 'idempotency-key': 'the-same-key-for-both' };
  const [note, task] = [
    await create({ title: 'Groceries', text: 'bread and milk' }, key),
    await world.call('POST', '/tasks', creationOf('bread and milk'), key),
  ];
  expect(task.status).toBe(201);
  await found({ text: 'milk' }, 1);
  const changed = await world.call('PUT', `/notes/${note.id}`, { title: 'Groceries', text: 'cheese' });
  expect(changed).toMatchObject({ status: 200, body: { note: { version: 2, text: 'cheese' } } });
  await found({ title: 'groceries', text: 'cheese' }, 1);
  await waitFor('the task', async () => {
    const { body } = await world.call('POST', '/tasks/search', searchFor('milk'));
    return (body as unknown as { total: number }).total === 1;
  });
  expect(await world.call('GET', `/tasks/${note.id}`)).toMatchObject({ status: 404, body: { code: 'task_not_found' } });
  expect((await world.call('DELETE', `/notes/${note.id}`)).status).toBe(204);
  await found({ title: 'groceries' }, 0);
  expect(await world.call('GET', `/notes/${note.id}`)).toMatchObject({ status: 404, body: { code: 'note_not_found' } });
});

it('names the entity in metrics, and sends its poison to its own dead-letter topic', async () => {
  await world.notes.produce([{ key: 'no note', value: Buffer.from('no event'), headers: [] }]);
  await waitFor('the dead letter', async () => (await world.notes.readAll(world.note.deadLetterTopic)).length === 1);
  const text = await world.registry.metrics();
  expect(text).toMatch(/taskstream_indexer_dead_letters_total\{.*entity="note".*\} 1/);
  expect(text).toMatch(/taskstream_relay_published_total\{entity="note"\} [1-9]/);
  expect(text).not.toMatch(/taskstream_indexer_dead_letters_total\{.*entity="task".*\} [1-9]/);
});

const compare = (entity: PlacedEntity, repair: boolean): Promise<VerifyResult> =>
  verify({
    ...{
      pool: world.pool,
      client: world.client,
      entity,
      topic: undefined,
      graceMs: 1_000,
      repair,
      content: false,
      deletionDays: 30,
    },
    ...{ maxRate: undefined, onProgress: () => undefined, onRetry: () => undefined, onDifference: () => undefined },
  });

it('is reindexed without a gap, verified and repaired like any other', async () => {
  const notes = await Promise.all(Array.from({ length: 20 }, (_, i) => create({ title: `note ${i}`, text: 'kept' })));
  await found({ text: 'kept', size: 100 }, 20);
  const { client, config, logger, note, pool } = world;
  const progress = { step: () => undefined, advance: () => undefined, note: () => undefined };
  const result = await reindex(
    { entity: note, config, index: INDEX, client, pool, logger, progress, signal: AbortSignal.timeout(120_000) },
    { source: 'postgres', maxRate: undefined, switchDeadlineMs: 10_000 },
  );
  expect(result).toMatchObject({ outcome: 'switched', copied: 20, to: `${note.alias}-000002` });
  await found({ text: 'kept', size: 100 }, 20);
  const run = (repair: boolean): Promise<VerifyResult> => compare(note, repair);
  expect(await run(false)).toMatchObject({ rows: 20, drift: { missing: 0, stale: 0, ahead: 0, surplus: 0 } });
  await client.delete({
    index: note.alias,
    id: notes[0]?.id ?? '',
    version: 1,
    version_type: 'external_gte',
    refresh: true,
  });
  expect(await run(false)).toMatchObject({ drift: { missing: 1 } });
  expect(await run(true)).toMatchObject({ drift: { missing: 0 } });
  await found({ text: 'kept', size: 100 }, 20);
});

it('is compared by itself: the figures of its runs are none of the other entity', async () => {
  const { client, note, pool, registry, task } = world;
  const lost = await create({ title: 'lost', text: 'of the index' });
  await found({ title: 'lost' }, 1);
  await client.delete({ index: note.alias, id: lost.id, version: 1, version_type: 'external_gte', refresh: true });
  await recordRun(pool, note, await compare(note, false));
  // The newest run of all is of the other entity, which is equal.
  const ofTasks = await compare(task, false);
  await recordRun(pool, task, ofTasks);
  const read = async (name: string, labels: Record<string, string>) =>
    sumOf(await registry.metrics(), `taskstream_verify_${name}`, labels);
  expect(await read('drift', { entity: 'note', kind: 'missing' })).toBe(1);
  expect(await read('drift', { entity: 'task', kind: 'missing' })).toBe(0);
  expect(await read('documents', { entity: 'task' })).toBe(ofTasks.documents);
  // Nor do many runs of one push those of the other out.
  for (let i = 0; i < 101; i += 1) await recordRun(pool, task, ofTasks);
  expect(await read('drift', { entity: 'note', kind: 'missing' })).toBe(1);
  const { rows } = await pool.query<{ entity: string; runs: number }>(
    'SELECT entity, count(*)::int AS runs FROM verify_runs GROUP BY entity',
  );
  expect(Object.fromEntries(rows.map(({ entity, runs }) => [entity, runs]))).toEqual({ note: 1, task: 100 });
});

it('takes no key of one entity for a key of the other, whatever its text', async () => {
  const key = 'any-key';
  // As text, with each separator that a key can hold.
  for (const separator of [' ', '', ':', '/', '|']) {
    const quoted = { 'idempotency-key': `"note${separator}${key}"` };
    const created = await world.call('POST', '/tasks', creationOf('task'), quoted);
    expect(created.status, JSON.stringify(created.body)).toBe(201);
  }
  const body = { title: 'Own', text: 'its key is its own' };
  const own = await world.call('POST', '/notes', body, { 'idempotency-key': key });
  expect(own.status, JSON.stringify(own.body)).toBe(201);
});
