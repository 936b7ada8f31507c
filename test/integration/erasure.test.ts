import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { purgeExpiredKeys } from '../../services/pipeline/write/idempotency.ts';
import { startOwnKafka } from '../support/embedded-kafka.ts';
import { createTestTopics } from '../support/kafka.ts';
import { call, createPipeline, createTask, type Pipeline } from '../support/pipeline.ts';
import type { ServiceProcess } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';

/** The product's compaction, with seconds for its hours. */
const FAST = { 'min.compaction.lag.ms': '0', 'max.compaction.lag.ms': '1000' };

let pipeline: Pipeline;
let api: ServiceProcess;

beforeAll(async () => {
  pipeline = await createPipeline({ partitions: 1, config: FAST });
  [api] = await Promise.all([pipeline.startApi(), pipeline.startIndexer()]);
});
afterAll(() => pipeline.close());

it('the content of a deleted task is gone from every store after its time', async () => {
  const secret = `secret-${randomUUID()}`;
  const { pool } = pipeline.database;
  const { client, alias } = pipeline.index;
  /** The tables with a row that holds the content, whatever the column. */
  const tables = async (): Promise<string[]> => {
    const names = ['tasks', 'outbox', 'outbox_refused', 'deletions', 'idempotency_keys', 'dead_letter_actions'];
    const found = await Promise.all(
      names.map(async (name) => {
        const { rows } = await pool.query(`SELECT FROM ${name} AS t WHERE t::text LIKE $1 LIMIT 1`, [`%${secret}%`]);
        return rows.length > 0 ? [name] : [];
      }),
    );
    return found.flat();
  };
  const inTopic = async (): Promise<number> =>
    (await pipeline.topics.readAll(pipeline.topics.tasks)).filter(({ value }) => String(value).includes(secret)).length;
  /** By id, so that a marker would show what it holds. */
  const inIndex = async (id: string): Promise<boolean> =>
    JSON.stringify(await client.get({ index: alias, id }, { ignore: [404] })).includes(secret);

  const { id } = await createTask(api, secret, { 'idempotency-key': randomUUID() });
  await pipeline.converged();
  expect(await tables()).toEqual(['tasks', 'idempotency_keys']);
  expect(await inTopic()).toBe(1);
  expect(await inIndex(id)).toBe(true);

  expect((await call(api, 'DELETE', `/tasks/${id}`)).status).toBe(204);
  await pipeline.database.outboxEmpty();
  await waitFor('the index', async () => !(await inIndex(id)));
  expect(await tables()).toEqual(['idempotency_keys']);

  await pool.query(`UPDATE idempotency_keys SET created_at = now() - interval '721 hours'`);
  await purgeExpiredKeys(pool, 720);
  expect(await tables()).toEqual([]);

  // A segment ends with the next record after its time, and only one that has ended is compacted.
  await waitFor(
    'compaction',
    async () => {
      await createTask(api, 'another');
      return (await inTopic()) === 0;
    },
    { timeoutMs: 90_000, intervalMs: 3_000 },
  );
}, 150_000);

it('a dead letter is gone after its time, though nothing else ever comes', async () => {
  const kafka = await startOwnKafka(undefined, () => ({ 'log.retention.check.interval.ms': '1000' }));
  // The product's retention, with seconds for its days.
  const topics = await createTestTopics(kafka.brokers, { deadLetterConfig: { 'retention.ms': '10000' } });
  try {
    const secret = `secret-${randomUUID()}`;
    await topics.produceLetters([{ key: randomUUID(), value: Buffer.from(secret), headers: [] }]);
    const held = async () =>
      (await topics.readAll(topics.deadLetters)).filter(({ value }) => String(value).includes(secret)).length;
    expect(await held()).toBe(1);
    await waitFor('retention', async () => (await held()) === 0, { timeoutMs: 90_000, intervalMs: 1_000 });
  } finally {
    await topics.close();
    await kafka.close();
  }
}, 150_000);
