/** The topic of the events, read by direct assignment: no group's offsets are used or moved. */
import { TaskstreamError } from '../../platform/errors.ts';
import { connectionSettings, type KafkaConfig } from '../../platform/kafka/settings.ts';
import { partitionsOf, promised, watermarksOf } from '../../platform/kafka/calls.ts';
import {
  connectPatiently,
  createNativeConsumer,
  disconnectConsumer,
  type Message,
  type NativeConsumer,
} from '../../platform/kafka/native.ts';
import type { Logger } from '../../platform/logger.ts';
import { OPS_GROUP_PREFIX } from '../../platform/product.ts';
import { askLeader } from '../../platform/kafka/leader.ts';

/** An offset for each partition. */
export type Offsets = ReadonlyMap<number, number>;

export interface Watermarks {
  /** The oldest event that is kept. */
  readonly low: Offsets;
  /** Where the next event will be. */
  readonly end: Offsets;
}

export interface Batch {
  readonly messages: readonly Message[];
  /** Partitions whose end was met, with its offset: after compaction the last event may be far below it. */
  readonly ends: Offsets;
}

export interface TopicReader {
  /** As the brokers say now; a partition that was added meanwhile is among them. */
  watermarks(): Promise<Watermarks>;
  /** Reads these partitions too, from these offsets on. */
  follow(from: Offsets): void;
  /** Up to `max` events; waits for the first one only, and not for long. */
  poll(max: number): Promise<Batch>;
  close(): Promise<void>;
}

const CONNECT_DEADLINE_MS = 30_000;
const POLL_TIMEOUT_MS = 200;

/** @throws TaskstreamError `broker_unavailable` when no broker answers */
export const openTopic = async (
  config: KafkaConfig,
  topic: string,
  logger: Logger,
  signal: AbortSignal,
): Promise<TopicReader> => {
  const consumer = await connectPatiently(
    'Kafka consumer',
    () =>
      createNativeConsumer({
        ...connectionSettings(config, 'taskstream-reindex'),
        // Asked for by the client, and used for nothing: partitions are assigned, and no offset is committed.
        'group.id': `${OPS_GROUP_PREFIX}-reindex`,
        'enable.auto.commit': false,
        'enable.auto.offset.store': false,
        'enable.partition.eof': true,
        'allow.auto.create.topics': false,
        // A broker answers one request of a connection after the other: where the end is, it would tell only after the
        // fetch before has waited for events, half a second by default. Indexers wait for this answer at the switch.
        'fetch.wait.max.ms': 50,
        // As the indexer's: memory stays bounded.
        'queued.max.messages.kbytes': 16_384,
        'fetch.message.max.bytes': 262_144,
        'fetch.max.bytes': 4_194_304,
        'message.max.bytes': 2_097_152,
        'fetch.queue.backoff.ms': 50,
        log_level: 4,
        event_cb: true,
      }),
    logger,
    AbortSignal.any([signal, AbortSignal.timeout(CONNECT_DEADLINE_MS)]),
  ).catch((error: unknown) => {
    throw new TaskstreamError('broker_unavailable', `Kafka does not answer at ${config.KAFKA_BROKERS}.`, {
      cause: error,
      retriable: true,
    });
  });
  consumer.setDefaultConsumeTimeout(POLL_TIMEOUT_MS);
  consumer.setDefaultIsTimeoutOnlyForFirstMessage(true);
  return wrap(consumer, topic);
};

const wrap = (consumer: NativeConsumer, topic: string): TopicReader => {
  let ends = new Map<number, number>();
  consumer.on('partition.eof', ({ partition, offset }) => {
    ends.set(partition, offset);
  });
  return {
    watermarks: async () => {
      const partitions = await partitionsOf(consumer, topic);
      const entries = await Promise.all(
        partitions.map(async (partition) => {
          const { lowOffset, highOffset } = await askLeader(() => watermarksOf(consumer, { topic, partition }));
          return { partition, low: lowOffset, end: highOffset };
        }),
      );
      return {
        low: new Map(entries.map(({ partition, low }) => [partition, low])),
        end: new Map(entries.map(({ partition, end }) => [partition, end])),
      };
    },
    follow: (from) => {
      if (from.size === 0) return;
      const assignment = [...from].map(([partition, offset]) => ({ topic, partition, offset }));
      consumer.incrementalAssign(assignment);
    },
    poll: async (max) => {
      const messages = await promised<Message[]>((done) => {
        consumer.consume(max, done);
      });
      const met = ends;
      ends = new Map();
      return { messages, ends: met };
    },
    close: () => disconnectConsumer(consumer),
  };
};
