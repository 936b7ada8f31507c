import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@elastic/elasticsearch';
import { KafkaJS } from '@confluentinc/kafka-javascript';
import getPort from 'get-port';
import pg from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startElasticsearch } from '../../infra/local/elasticsearch.ts';
import type { EmbeddedServer, ServerOptions } from '../../infra/local/embedded-server.ts';
import { startKafka } from '../../infra/local/kafka.ts';
import { startPostgres } from '../../infra/local/postgres.ts';
import { createTopics } from '../../infra/local/topics.ts';
import { TASKS_TOPIC, TOPICS } from '../../services/task/resources.ts';
import { waitFor } from '../support/wait.ts';

let folder = '';
let server: EmbeddedServer | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'taskstream-servers-'));
});
afterEach(async () => {
  await server?.kill();
  await rm(folder, { recursive: true });
});

/** Starts, writes, crashes, and starts again on the same port. */
const crash = async (
  start: (options: ServerOptions) => Promise<EmbeddedServer>,
  write: (url: string) => Promise<void>,
): Promise<EmbeddedServer> => {
  const options = { dataDir: join(folder, 'data'), port: await getPort(), logFile: join(folder, 'log') };
  server = await start(options);
  await write(server.url);
  await server.kill();
  expect(await server.exited).toEqual({ code: null, signal: 'SIGKILL' });
  server = await start(options);
  return server;
};

const query = async (url: string, sql: string): Promise<unknown[]> => {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
};

it('PostgreSQL keeps its data through a crash, and its collation is UTF-8', async () => {
  const { url } = await crash(startPostgres, async (before) => {
    await query(before, "CREATE TABLE kept AS SELECT 'naïve' AS word");
  });
  expect(await query(url, 'SELECT upper(word) AS word FROM kept')).toEqual([{ word: 'NAÏVE' }]);
});

const clientOf = (broker: string) =>
  new KafkaJS.Kafka({ kafkaJS: { brokers: [broker], logLevel: KafkaJS.logLevel.NOTHING } });

it('Kafka keeps topics and records through a crash, and creating the topics again changes nothing', async () => {
  const { url } = await crash(startKafka, async (before) => {
    await createTopics(before);
    const producer = clientOf(before).producer();
    await producer.connect();
    await producer.send({ topic: TASKS_TOPIC, messages: [{ key: 'a', value: 'kept' }] });
    await producer.disconnect();
  });
  await createTopics(url);
  const admin = clientOf(url).admin();
  await admin.connect();
  // A broker that has just started has still to make itself the leader of each partition.
  const offsets = await waitFor('the offsets', () => admin.fetchTopicOffsets(TASKS_TOPIC));
  await admin.disconnect();
  expect(offsets).toHaveLength(TOPICS.tasks.partitions);
  expect(offsets.reduce((sum, { high }) => sum + Number(high), 0)).toBe(1);
});

it('Elasticsearch keeps acknowledged documents through a crash, and makes no index by itself', async () => {
  const { url } = await crash(startElasticsearch, async (before) => {
    const client = new Client({ node: before });
    await client.indices.create({ index: 'things' });
    await client.index({ index: 'things', id: '1', document: { word: 'kept' } });
    await client.close();
  });
  const client = new Client({ node: url, maxRetries: 0 });
  expect((await client.get({ index: 'things', id: '1' }))._source).toEqual({ word: 'kept' });
  await expect(client.index({ index: 'typo', document: {} })).rejects.toThrow(/no such index/);
  await client.close();
});
