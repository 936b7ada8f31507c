/**
 * The Kafka side of the indexer: a member of the consumer group, as promises.
 * It uses librdkafka's own consumer and not the callback runner above it, because the loop, the pause, the rebalance
 * and the stop are the delivery guarantee: they have to be ours (docs/adr/0003-batches-and-consumer.md).
 */
import type { RdKafka } from '@confluentinc/kafka-javascript';
import { connectionSettings, type KafkaConfig } from '../../platform/kafka/settings.ts';
import { committedOffsets, promised, trackCommits, watermarksOf } from '../../platform/kafka/calls.ts';
import {
  connectPatiently,
  createNativeConsumer,
  disconnectConsumer,
  REBALANCE,
  type KafkaError,
  type Message,
  type NativeConsumer,
  type TopicPartition,
  type TopicPartitionOffset,
} from '../../platform/kafka/native.ts';
import type { Logger } from '../../platform/logger.ts';
import type { EntityNames } from '../entity.ts';
import type { ConsumeConfig } from './env.ts';

/** Told about changes of the assignment; the group waits until the promise of `onRevoke` resolves. */
export interface RebalanceListener {
  onAssign(partitions: readonly number[]): void;
  /** @param lost true when the partitions already belong to somebody else, so that nothing can be committed */
  onRevoke(partitions: readonly number[], lost: boolean): Promise<void>;
}

export interface GroupClient {
  /** Up to `max` records; waits for the first one only, `POLL_TIMEOUT_MS` at most. */
  poll(max: number): Promise<Message[]>;
  /** Resolves when the broker has the offsets; its answer arrives only while somebody polls. */
  commit(offsets: readonly TopicPartitionOffset[]): Promise<void>;
  pause(partitions: readonly number[]): void;
  resume(partitions: readonly number[]): void;
  /** Events between the committed offset and the end, by partition, as the broker says now. */
  lag(partitions: readonly number[]): Promise<ReadonlyMap<number, number>>;
  /** Leaves the group and closes. */
  disconnect(): Promise<void>;
}

/** Longest wait of one poll: it bounds how late a stop is noticed. */
const POLL_TIMEOUT_MS = 200;

type Config = KafkaConfig & Pick<ConsumeConfig, 'SESSION_TIMEOUT_MS' | 'FETCH_BUFFER_KBYTES'>;

const settings = (config: Config, group: string): RdKafka.ConsumerGlobalConfig => ({
  ...connectionSettings(config, 'taskstream-indexer'),
  'group.id': group,
  // Only moved partitions stop: those that stay are read on during a rebalance.
  'partition.assignment.strategy': 'cooperative-sticky',
  'session.timeout.ms': config.SESSION_TIMEOUT_MS,
  'heartbeat.interval.ms': Math.min(3_000, Math.floor(config.SESSION_TIMEOUT_MS / 3)),
  'max.poll.interval.ms': Math.max(300_000, config.SESSION_TIMEOUT_MS),
  'enable.auto.commit': false,
  'enable.auto.offset.store': false,
  'allow.auto.create.topics': false,
  // New partitions are found within this time.
  'topic.metadata.refresh.interval.ms': 30_000,
  // Bounds of what is read ahead. The defaults allow 64 MiB, and 50 MiB more for one response. A response is measured
  // compressed and kept uncompressed, so it is bounded tightly; a larger record still comes, alone.
  'queued.max.messages.kbytes': config.FETCH_BUFFER_KBYTES,
  'fetch.message.max.bytes': 262_144,
  'fetch.max.bytes': 4_194_304,
  'message.max.bytes': 2_097_152,
  // After the read-ahead was full: the default of a second would leave a fast indexer without work.
  'fetch.queue.backoff.ms': 50,
  log_level: 4,
  event_cb: true,
  offset_commit_cb: true,
});

/** Joins the group; retries with backoff until a broker answers or `signal` aborts. */
export const joinGroup = async (
  config: Config,
  { topic, group }: Pick<EntityNames, 'topic' | 'group'>,
  listener: RebalanceListener,
  logger: Logger,
  signal: AbortSignal,
): Promise<GroupClient> => {
  const create = () => createClient(settings(config, group), listener, logger);
  const client = await connectPatiently('Kafka consumer', create, logger, signal);
  client.setDefaultConsumeTimeout(POLL_TIMEOUT_MS);
  client.setDefaultIsTimeoutOnlyForFirstMessage(true);
  client.subscribe([topic]);
  return wrap(client, topic);
};

const createClient = (
  config: RdKafka.ConsumerGlobalConfig,
  listener: RebalanceListener,
  logger: Logger,
): NativeConsumer => {
  const onRebalance = async (event: KafkaError, assignment: readonly TopicPartition[]): Promise<void> => {
    const partitions = assignment.map(({ partition }) => partition);
    if (event.code === REBALANCE.assign) {
      client.incrementalAssign(assignment);
      listener.onAssign(partitions);
      return;
    }
    const lost = client.assignmentLost();
    try {
      await listener.onRevoke(partitions, lost);
    } finally {
      // The group waits for this call; without it no member would get any partition again.
      client.incrementalUnassign(assignment);
    }
  };
  const client = createNativeConsumer({
    ...config,
    rebalance_cb: (event: KafkaError, assignment: readonly TopicPartition[]) => {
      onRebalance(event, assignment).catch((error: unknown) => {
        logger.error({ err: error }, 'rebalance failed');
      });
    },
  });
  return client;
};

const wrap = (client: NativeConsumer, topic: string): GroupClient => {
  const toTopicPartitions = (partitions: readonly number[]) => partitions.map((partition) => ({ topic, partition }));
  return {
    poll: (max) =>
      promised<Message[]>((done) => {
        client.consume(max, done);
      }),
    commit: trackCommits(client),
    pause: (partitions) => void client.pause(toTopicPartitions(partitions)),
    resume: (partitions) => void client.resume(toTopicPartitions(partitions)),
    lag: async (partitions) => {
      const asked = toTopicPartitions(partitions);
      const committed = await committedOffsets(client, asked);
      const lag = new Map<number, number>();
      for (const { partition } of asked) {
        const { lowOffset, highOffset } = await watermarksOf(client, { topic, partition });
        // Without a commit the group begins at the start of the partition.
        lag.set(partition, Math.max(0, highOffset - Math.max(lowOffset, committed.get(partition) ?? 0)));
      }
      return lag;
    },
    disconnect: () => disconnectConsumer(client),
  };
};
