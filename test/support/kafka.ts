/** Topics of a test's own, written and read with the clients the services use. */
import { randomUUID } from 'node:crypto';
import kafka from '@confluentinc/kafka-javascript';
import { createTopicReader, type TopicReader } from '../../services/platform/kafka/reader.ts';
import { createLogger } from '../../services/platform/logger.ts';
import { readEnv } from '../../services/platform/env.ts';
import { kafkaEnv } from '../../services/platform/kafka/settings.ts';
import type { Message } from '../../services/platform/kafka/native.ts';
import { createProducer, type KafkaProducer, type ProducerRecord } from '../../services/platform/kafka/producer.ts';
import { MAX_EVENT_BYTES } from '../../services/pipeline/topics.ts';
import { TOPICS } from '../../services/task/resources.ts';
import { waitFor } from './wait.ts';

export interface TestTopics {
  readonly tasks: string;
  readonly deadLetters: string;
  /** Writes records in order; rejects when the broker refused one. */
  produce(records: readonly ProducerRecord[]): Promise<void>;
  /** The same for the dead-letter topic. */
  produceLetters(records: readonly ProducerRecord[]): Promise<void>;
  /** Everything in a topic, in offset order within each partition. */
  readAll(topic: string): Promise<Message[]>;
  /** What the group committed, summed over the partitions. */
  committed(group: string): Promise<number>;
  /** Creates one more topic, of one partition; it goes with the others. */
  create(topic: string, config: Readonly<Record<string, string>>): Promise<void>;
  /** Creates both topics again, of which a broker that lost its volume knows nothing. */
  make(): Promise<void>;
  /** Deletes the tasks topic with all that it holds, and creates it again. */
  recreate(partitions: number): Promise<void>;
  /** Records in the tasks topic, summed over the partitions. */
  end(): Promise<number>;
  close(): Promise<void>;
}

export interface TestTopicOptions {
  readonly partitions?: number;
  /** `compact` as in the product, or `delete` for records that compaction forbids, such as those without a key. */
  readonly cleanup?: 'compact' | 'delete';
  /** Settings of the tasks topic that differ from the product's. */
  readonly config?: Readonly<Record<string, string>>;
  /** The same of the dead-letter topic. */
  readonly deadLetterConfig?: Readonly<Record<string, string>>;
  /** Brokers that have each partition. */
  readonly copies?: number;
}

const silent = createLogger({ service: 'test', level: 'silent' });

/** A producer as the services have it, connected with a service's settings. */
export const createTestProducer = (env: Readonly<Record<string, string>>): Promise<KafkaProducer> =>
  createProducer(
    readEnv(kafkaEnv, env),
    { clientId: 'test', logger: silent, deliveryTimeoutMs: 30_000, maxMessageBytes: 2 * MAX_EVENT_BYTES },
    AbortSignal.timeout(30_000),
  );

/** Writes records in order; rejects when the broker refused one. */
export const sendAll = async (
  producer: Pick<KafkaProducer, 'send'>,
  topic: string,
  records: readonly ProducerRecord[],
): Promise<void> => {
  const failed = (await producer.send(topic, records)).find((error) => error !== undefined);
  if (failed !== undefined) throw failed;
};

/** Creates both topics under names nobody else uses. */
export const createTestTopics = async (brokers: string, options: TestTopicOptions = {}): Promise<TestTopics> => {
  const { partitions = 4, cleanup = 'compact', config, deadLetterConfig, copies = 1 } = options;
  const suffix = randomUUID().slice(0, 8);
  const tasks = `tasks-${suffix}`;
  const deadLetters = `tasks.dlq-${suffix}`;
  const admin = new kafka.KafkaJS.Kafka({
    kafkaJS: { brokers: brokers.split(','), logLevel: kafka.KafkaJS.logLevel.NOTHING },
  }).admin();
  await admin.connect();
  const entries = (config: Readonly<Record<string, string>>) =>
    Object.entries(config).map(([name, value]) => ({ name, value }));
  const topics = [
    {
      topic: tasks,
      numPartitions: partitions,
      replicationFactor: copies,
      configEntries: entries({ ...TOPICS.tasks.config, 'cleanup.policy': cleanup, ...config }),
    },
    {
      topic: deadLetters,
      numPartitions: 1,
      replicationFactor: copies,
      configEntries: entries({ ...TOPICS.deadLetter.config, ...deadLetterConfig }),
    },
  ];
  const make = async (): Promise<void> => {
    // A broker that stood still is out of its cluster for a moment. False means that they exist.
    await waitFor('the topics to be created', async () => {
      await admin.createTopics({ topics, timeout: 10_000 });
      return true;
    });
  };
  await make();
  const created = [tasks, deadLetters];
  const recreate = async (numPartitions: number): Promise<void> => {
    await admin.deleteTopics({ topics: [tasks] });
    // Until it is gone everywhere, it exists.
    await waitFor('the topic to be created again', () =>
      admin.createTopics({
        topics: topics.filter(({ topic }) => topic === tasks).map((topic) => ({ ...topic, numPartitions })),
      }),
    );
  };
  let producer: KafkaProducer | undefined;
  const connected = async (): Promise<KafkaProducer> => {
    producer ??= await createTestProducer({ KAFKA_BROKERS: brokers });
    return producer;
  };
  const readers = new Map<string, Promise<TopicReader>>();
  /**
   * Never by the admin client: asked about a group whose coordinator is away it ends the process (CONTRIBUTING, rule 11), and it
   * looks for the end of a partition at a leader that died for up to five minutes.
   */
  const ask = async <T>(group: string, question: (reader: TopicReader) => Promise<T>): Promise<T> => {
    const opening = readers.get(group) ?? openReader(brokers, AbortSignal.timeout(30_000), group, true);
    readers.set(group, opening);
    try {
      return await question(await opening);
    } catch (error) {
      // It may have forgotten its brokers (`SILENT_MS` in native.ts), as one does that begins while a broker goes on after
      // a pause: the next one to ask opens another.
      readers.delete(group);
      void opening.then(
        (reader) => reader.close(),
        () => undefined,
      );
      throw error;
    }
  };
  return {
    tasks,
    deadLetters,
    produce: async (records) => {
      await sendAll(await connected(), tasks, records);
    },
    produceLetters: async (records) => {
      await sendAll(await connected(), deadLetters, records);
    },
    readAll: (topic) => readTopic(brokers, topic),
    committed: (group) =>
      ask(group, async (reader) => {
        const numbers = (await reader.ends(tasks)).map(({ partition }) => partition);
        return [...(await reader.committed(tasks, numbers)).values()].reduce((sum, offset) => sum + offset, 0);
      }),
    create: async (topic, config) => {
      await admin.createTopics({
        topics: [{ topic, numPartitions: 1, replicationFactor: copies, configEntries: entries(config) }],
      });
      created.push(topic);
    },
    make,
    recreate,
    end: () =>
      ask(`end-of-${tasks}`, async (reader) => (await reader.ends(tasks)).reduce((sum, { high }) => sum + high, 0)),
    close: async () => {
      await producer?.disconnect(1_000);
      for (const reader of readers.values()) await (await reader).close();
      await admin.deleteTopics({ topics: created }).catch(() => undefined);
      await admin.disconnect();
    },
  };
};

const openReader = (
  brokers: string,
  signal: AbortSignal,
  group?: string,
  withOpenTransactions = false,
): Promise<TopicReader> =>
  createTopicReader(readEnv(kafkaEnv, { KAFKA_BROKERS: brokers }), {
    logger: silent,
    signal,
    withOpenTransactions,
    ...(group === undefined ? {} : { group }),
  });

/** For topics of some 100,000 records on a busy machine. */
const READ_MS = 180_000;

/** Everything that is in a topic now, without a group's state. */
export const readTopic = async (brokers: string, topic: string): Promise<Message[]> => {
  const signal = AbortSignal.timeout(READ_MS);
  const reader = await openReader(brokers, signal);
  try {
    // A broker that stands still for a moment answers the next time.
    const ends = await waitFor('the ends of the topic', () => reader.ends(topic));
    const ranges = ends.map(({ partition, low, high }) => ({ partition, from: low, to: high }));
    const messages: Message[] = [];
    for await (const batch of reader.read(topic, ranges, { signal })) messages.push(...batch);
    signal.throwIfAborted();
    return messages;
  } finally {
    await reader.close();
  }
};
