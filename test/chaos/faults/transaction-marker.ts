/** Another producer writes events again in transactions, of which some are aborted: each leaves a marker that nobody reads. */
import { randomUUID } from 'node:crypto';
import kafka from '@confluentinc/kafka-javascript';
import type { Fault } from './fault.ts';

const MOST = 50;
const TRANSACTIONS = 5;

export const transactionMarker: Fault = {
  name: 'transaction-marker',
  graceful: false,
  touches: ['topic', 'kafka'],
  inject: async ({ servers, topics }, random) => {
    const events = (await topics.readAll(topics.tasks)).filter(({ value }) => value !== null);
    if (events.length === 0) return;
    const { Kafka, logLevel } = kafka.KafkaJS;
    const client = new Kafka({ kafkaJS: { brokers: [servers.urls.kafka], logLevel: logLevel.NOTHING } });
    const producer = client.producer({ kafkaJS: { transactionalId: randomUUID() } });
    await producer.connect();
    try {
      for (let turn = 0; turn < TRANSACTIONS; turn += 1) {
        const transaction = await producer.transaction();
        const again = Array.from({ length: random.int(1, MOST) }, () => random.pick(events));
        await transaction.send({
          topic: topics.tasks,
          messages: again.map(({ key, value, headers }) => ({
            key: key ?? null,
            value,
            headers: Object.assign({}, ...(headers ?? [])) as Record<string, string>,
          })),
        });
        await (random.chance(50) ? transaction.commit() : transaction.abort());
      }
    } finally {
      await producer.disconnect();
    }
  },
};
