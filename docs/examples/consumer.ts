/**
 * A consumer of the task events that keeps a view of its own, here in memory. Copy it; docs/consumers.md says why each
 * line is as it is. It prints each change that it applies as one line of JSON: `{"id", "version", "task"}`, with null for
 * a task that was deleted.
 *
 *   KAFKA_BROKERS=localhost:9092 node --import tsx docs/examples/consumer.ts
 */
import { readFileSync } from 'node:fs';
import kafka from '@confluentinc/kafka-javascript';

/** What this view needs of a task. Fields that it does not name may be there, and new ones may come. */
interface Task {
  readonly id: string;
  readonly version: number;
  readonly description: string;
  /** none, low, medium, high, or a word that a later version adds. */
  readonly priority: string;
  readonly isDone: boolean;
}

/** By id the newest version, and the task; a deleted one leaves its version, so that no older event brings it back. */
const view = new Map<string, { readonly version: number; readonly task: Task | null }>();

/** @returns whether the event was news */
const apply = (record: Buffer | null): boolean => {
  // The tombstone after a deletion is there for log compaction.
  if (record === null) return false;
  const { type, value } = JSON.parse(record.toString()) as { readonly type: string; readonly value: Task };
  const { id, version } = value;
  // Repeated, or overtaken by a newer event.
  if (version <= (view.get(id)?.version ?? 0)) return false;
  switch (type) {
    case 'tasks.event.created':
    case 'tasks.event.updated':
      view.set(id, { version, task: value });
      return true;
    case 'tasks.event.deleted':
      view.set(id, { version, task: null });
      return true;
    default:
      // A later version's: it says nothing about the fields that this view shows.
      return false;
  }
};

const { env } = process;
const sasl =
  env['KAFKA_SASL_USERNAME'] === undefined
    ? {}
    : {
        'security.protocol': 'sasl_ssl' as const,
        'sasl.mechanisms': 'SCRAM-SHA-512',
        'sasl.username': env['KAFKA_SASL_USERNAME'],
        'sasl.password': env['KAFKA_SASL_PASSWORD'] ?? '',
        'ssl.ca.pem': readFileSync(env['KAFKA_CA_FILE'] ?? '', 'utf8'),
      };
const consumer = new kafka.KafkaJS.Kafka({
  'bootstrap.servers': env['KAFKA_BROKERS'] ?? 'localhost:9092',
  ...sasl,
}).consumer({
  'group.id': env['CONSUMER_GROUP'] ?? 'consumer.example.view',
  // The topic is compacted: from its beginning it holds every task there is.
  'auto.offset.reset': 'earliest',
  // A view in memory is built anew at each start. One that is stored commits after it has stored.
  'enable.auto.commit': false,
});

process.once('SIGTERM', () => {
  void consumer.disconnect().finally(() => process.exit(0));
});
await consumer.connect();
await consumer.subscribe({ topics: [env['TASKS_TOPIC'] ?? 'tasks'] });
await consumer.run({
  eachMessage: ({ message: { key, value } }) => {
    const id = String(key);
    if (apply(value)) process.stdout.write(`${JSON.stringify({ id, ...view.get(id) })}\n`);
    return Promise.resolve();
  },
});
