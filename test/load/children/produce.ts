/** Raw producing: the records of rows that are in the outbox, straight from memory, some chunks in flight. */
import { advance, ALL_SLOTS } from '../../../services/pipeline/relay/session.ts';
import { routesOf, toChunk } from '../../../services/pipeline/relay/records.ts';
import { readEnv } from '../../../services/platform/env.ts';
import { createClient, postgresEnv } from '../../../services/platform/postgres.ts';
import { placeTask, taskEnv } from '../../../services/task/env.ts';
import type { ProducerRecord } from '../../../services/platform/kafka/producer.ts';
import { createTestProducer, sendAll } from '../../support/kafka.ts';
import { answerOrder } from '../child.ts';

export interface ProduceOrder {
  readonly env: Readonly<Record<string, string>>;
  readonly topic: string;
  /** Records of one `send`. */
  readonly chunk: number;
}

const IN_FLIGHT = 4;
const READ = 5_000;

answerOrder<ProduceOrder>(async ({ env, topic, chunk }) => {
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
    records.push(...toChunk(rows, routes).changes.flatMap((change) => change.records));
    read += rows.length;
    after = Number(rows.at(-1)?.id);
  }
  await client.end();
  const chunks = Array.from({ length: Math.ceil(records.length / chunk) }, (_, n) =>
    records.slice(n * chunk, (n + 1) * chunk),
  );
  const producer = await createTestProducer(env);
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      for (let next = chunks.shift(); next !== undefined; next = chunks.shift()) await sendAll(producer, topic, next);
    }),
  );
  const ms = performance.now() - startedAt;
  await producer.disconnect(1_000);
  return { perSecond: (records.length * 1_000) / ms, count: records.length };
});
