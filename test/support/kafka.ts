/** Topics of a test's own, written and read with the clients the services use. */
import { randomUUID } from 'node:crypto';
import kafka, { type RdKafka } from '@confluentinc/kafka-javascript';
import { createLogger } from '../../services/shared/logger.ts';
import { readEnv } from '../../services/shared/env.ts';
import { kafkaEnv } from '../../services/shared/kafka.ts';
import {
  connectClient,
  createNativeConsumer,
  disconnectClient,
  toError,
  type Message,
  type NativeConsumer,
} from '../../services/shared/kafka-native.ts';
import { createProducer, type KafkaProducer, type ProducerRecord } from '../../services/shared/producer.ts';
import { TASKS_MAX_MESSAGE_BYTES, TOPICS } from '../../services/shared/resources.ts';

export interface TestTopics {
  readonly tasks: string;
  readonly deadLetters: string;
  /** Writes records in order; rejects when the broker refused one. */
  produce(records: readonly ProducerRecord[]): Promise<void>;
  /** Everything in a topic, in offset order within each partition. */
  readAll(topic: string): Promise<Message[]>;
  /** What the group committed, summed over the partitions. */
  committed(group: string): Promise<number>;
  /** Records in the tasks topic, summed over the partitions. */
  end(): Promise<number>;
  close(): Promise<void>;
}

export interface TestTopicOptions {
  readonly partitions?: number;
  /** `compact` as in the product, or `delete` for records that compaction forbids, such as those without a key. */
  readonly cleanup?: 'compact' | 'delete';
}

const silent = createLogger({ service: 'test', level: 'silent' });

/** A producer as the services have it, connected with a service's settings. */
export const createTestProducer = (env: Readonly<Record<string, string>>): Promise<KafkaProducer> =>
  createProducer(
    readEnv(kafkaEnv, env),
    { clientId: 'test', logger: silent, deliveryTimeoutMs: 30_000, maxMessageBytes: 2 * TASKS_MAX_MESSAGE_BYTES },
    AbortSignal.timeout(30_000),
  );

/** Writes records in order; rejects when the broker refused one. */
export const sendAll = async (
  producer: KafkaProducer,
  topic: string,
  records: readonly ProducerRecord[],
): Promise<void> => {
  const failed = (await producer.send(topic, records)).find((error) => error !== undefined);
  if (failed !== undefined) throw failed;
};

/** Creates both topics under names nobody else uses. */
export const createTestTopics = async (brokers: string, options: TestTopicOptions = {}): Promise<TestTopics> => {
  const { partitions = 4, cleanup = 'compact' } = options;
  const suffix = randomUUID().slice(0, 8);
  const tasks = `tasks-${suffix}`;
  const deadLetters = `tasks.dlq-${suffix}`;
  const admin = new kafka.KafkaJS.Kafka({
    kafkaJS: { brokers: brokers.split(','), logLevel: kafka.KafkaJS.logLevel.NOTHING },
  }).admin();
  await admin.connect();
  const entries = (config: Readonly<Record<string, string>>) =>
    Object.entries(config).map(([name, value]) => ({ name, value }));
  await admin.createTopics({
    topics: [
      {
        topic: tasks,
        numPartitions: partitions,
        replicationFactor: 1,
        configEntries: entries({ ...TOPICS.tasks.config, 'cleanup.policy': cleanup }),
      },
      { topic: deadLetters, numPartitions: 1, replicationFactor: 1, configEntries: entries(TOPICS.deadLetter.config) },
    ],
  });
  let producer: KafkaProducer | undefined;
  const connected = async (): Promise<KafkaProducer> => {
    producer ??= await createTestProducer({ KAFKA_BROKERS: brokers });
    return producer;
  };
  const offsets = async (topic: string) => {
    const found = await admin.fetchTopicOffsets(topic);
    return found.map(({ partition, low, high }) => ({ partition, low: Number(low), high: Number(high) }));
  };
  return {
    tasks,
    deadLetters,
    produce: async (records) => {
      await sendAll(await connected(), tasks, records);
    },
    readAll: (topic) => readTopic(brokers, topic),
    committed: async (group) => {
      const found = await admin.fetchOffsets({ groupId: group, topics: [tasks] });
      return found
        .flatMap(({ partitions: list }) => list)
        .reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
    },
    end: async () => (await offsets(tasks)).reduce((sum, { high }) => sum + high, 0),
    close: async () => {
      await producer?.disconnect(1_000);
      await admin.deleteTopics({ topics: [tasks, deadLetters] }).catch(() => undefined);
      await admin.disconnect();
    },
  };
};

/** Everything that is in a topic now, by direct assignment and without a group's state. */
export const readTopic = async (brokers: string, topic: string): Promise<Message[]> => {
  const consumer = createNativeConsumer({
    'bootstrap.servers': brokers,
    'group.id': `reader-${randomUUID()}`,
    'enable.auto.commit': false,
  });
  await connectClient(consumer, 10_000);
  try {
    const ends = await watermarksOf(consumer, topic);
    consumer.setDefaultConsumeTimeout(200);
    consumer.setDefaultIsTimeoutOnlyForFirstMessage(true);
    consumer.assign(ends.map(({ partition, low }) => ({ topic, partition, offset: low })));
    const open = new Map(ends.filter(({ low, high }) => high > low).map(({ partition, high }) => [partition, high]));
    const messages: Message[] = [];
    let silentSince = performance.now();
    while (open.size > 0) {
      const batch = await consumeBatch(consumer);
      if (batch.length > 0) silentSince = performance.now();
      // However long the topic is: what counts is that records come.
      if (performance.now() - silentSince > SILENT_MS) {
        throw new Error(
          `no record of ${topic} for ${SILENT_MS} ms, and partitions ${[...open.keys()].join()} have more`,
        );
      }
      messages.push(...batch);
      for (const { partition, offset } of batch) if (offset + 1 >= (open.get(partition) ?? 0)) open.delete(partition);
    }
    return messages;
  } finally {
    consumer.unassign();
    await disconnectClient(consumer);
  }
};

const SILENT_MS = 30_000;

const consumeBatch = (consumer: NativeConsumer): Promise<Message[]> =>
  new Promise((resolve, reject) => {
    consumer.consume(1_000, (error, found) => {
      // The callback's type promises an error even on success.
      if (error as unknown) reject(new Error(error.message));
      else resolve(found);
    });
  });

const watermarksOf = async (
  consumer: NativeConsumer,
  topic: string,
): Promise<{ partition: number; low: number; high: number }[]> => {
  const metadata = await new Promise<RdKafka.Metadata>((resolve, reject) => {
    consumer.getMetadata({ topic, timeout: 10_000 }, (error: unknown, found) => {
      if (error) reject(toError(error));
      else resolve(found);
    });
  });
  const partitions = metadata.topics.find(({ name }) => name === topic)?.partitions ?? [];
  return Promise.all(
    partitions.map(
      ({ id }) =>
        new Promise<{ partition: number; low: number; high: number }>((resolve, reject) => {
          consumer.queryWatermarkOffsets(topic, id, 10_000, (error: unknown, { lowOffset, highOffset }) => {
            if (error) reject(toError(error));
            else resolve({ partition: id, low: lowOffset, high: highOffset });
          });
        }),
    ),
  );
};
