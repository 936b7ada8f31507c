/** Raw producing: the records of rows that are in the outbox, straight from memory, some chunks in flight. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RdKafka } from '@confluentinc/kafka-javascript';
import { advance, ALL_SLOTS } from '../../../services/pipeline/relay/session.ts';
import { routesOf, toChunk } from '../../../services/pipeline/relay/records.ts';
import { readEnv } from '../../../services/platform/env.ts';
import { connectPatiently, createNativeProducer } from '../../../services/platform/kafka/native.ts';
import { wrapProducer, type ProducerRecord } from '../../../services/platform/kafka/producer-client.ts';
import { producerSettings, topicSettings } from '../../../services/platform/kafka/producer.ts';
import { kafkaEnv } from '../../../services/platform/kafka/settings.ts';
import { createLogger } from '../../../services/platform/logger.ts';
import { createClient, postgresEnv } from '../../../services/platform/postgres.ts';
import { placeTask, taskEnv } from '../../../services/task/env.ts';
import { sendAll } from '../../support/kafka.ts';
import { answerOrder } from '../child.ts';

export interface ProduceOrder {
  readonly env: Readonly<Record<string, string>>;
  readonly topic: string;
  /** Records of one `send`. */
  readonly chunk: number;
  /** Headers of each record; all of an event when not given. */
  readonly headers?: number;
  /** In place of the services' own, by the client's names. */
  readonly settings?: RdKafka.ProducerGlobalConfig;
}

export interface ProduceResult {
  readonly perSecond: number;
  /** CPU of this process for a record, in microseconds. */
  readonly cpuMicros: number;
  /** Bytes sent to the broker for a record. */
  readonly wireBytes: number;
}

const IN_FLIGHT = 4;
const READ = 5_000;
const STATISTICS_MS = 100;

answerOrder<ProduceOrder>(async ({ env, topic, chunk, headers, settings }): Promise<ProduceResult> => {
  const client = createClient(readEnv(postgresEnv, env), 'bench');
  await client.connect();
  const { rows: all } = await client.query<{ id: string }>('SELECT id::text FROM outbox');
  const routes = routesOf([placeTask(readEnv(taskEnv, env))]);
  let after = 0;
  let read = 0;
  const records: ProducerRecord[] = [];
  while (read < all.length) {
    const rows = await advance(client, {
      confirmed: [],
      after,
      seen: [],
      limit: READ,
      maxBytes: 2 ** 40,
      slots: ALL_SLOTS,
    });
    for (const record of toChunk(rows, routes).changes.flatMap((change) => change.records)) {
      records.push(headers === undefined ? record : { ...record, headers: record.headers.slice(0, headers) });
    }
    read += rows.length;
    after = Number(rows.at(-1)?.id);
  }
  await client.end();
  const chunks = Array.from({ length: Math.ceil(records.length / chunk) }, (_, n) =>
    records.slice(n * chunk, (n + 1) * chunk),
  );
  const logger = createLogger({ service: 'bench', level: 'silent' });
  const options = { clientId: 'bench', logger, deliveryTimeoutMs: 30_000, maxMessageBytes: 2_000_000 };
  const create = () =>
    createNativeProducer(
      { ...producerSettings(readEnv(kafkaEnv, env), options), 'statistics.interval.ms': STATISTICS_MS, ...settings },
      topicSettings(options),
    );
  const native = await connectPatiently('Kafka producer', create, logger, AbortSignal.timeout(30_000));
  let sentBytes = 0;
  native.on('event.stats', ({ message }: { readonly message: string }) => {
    // Source: librdkafka, STATISTICS.md.
    sentBytes = (JSON.parse(message) as { readonly tx_bytes: number }).tx_bytes;
  });
  const producer = wrapProducer(native);
  const startedAt = performance.now();
  const before = process.cpuUsage();
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      for (let next = chunks.shift(); next !== undefined; next = chunks.shift()) await sendAll(producer, topic, next);
    }),
  );
  const ms = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(before);
  await sleep(3 * STATISTICS_MS);
  await producer.disconnect(1_000);
  return {
    perSecond: (records.length * 1_000) / ms,
    cpuMicros: (user + system) / records.length,
    wireBytes: sentBytes / records.length,
  };
});
