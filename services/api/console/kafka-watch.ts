/** Asks Kafka how far topic and group are. It connects when first asked, and can be closed and asked again. */
import kafka from '@confluentinc/kafka-javascript';
import { connectionSettings, type KafkaConfig } from '../../shared/kafka.ts';
import type { KafkaReading } from './sample.ts';

export interface KafkaWatch {
  /** @throws what the client throws when Kafka does not answer or refuses */
  read(): Promise<KafkaReading>;
  /** For each partition of the tasks topic the first offset at or after a time. @throws as above */
  offsetsAt(timeMs: number): Promise<ReadonlyMap<number, number>>;
  close(): Promise<void>;
}

export interface KafkaWatchOptions {
  readonly config: KafkaConfig;
  /** The indexers' consumer group. */
  readonly group: string;
  /** Bound on one question, in milliseconds. */
  readonly timeoutMs: number;
}

type Admin = ReturnType<kafka.KafkaJS.Kafka['admin']>;

export const createKafkaWatch = ({ config, group, timeoutMs }: KafkaWatchOptions): KafkaWatch => {
  let connecting: Promise<Admin> | undefined;

  const connected = (): Promise<Admin> => {
    connecting ??= connect(config).catch((error: unknown) => {
      connecting = undefined;
      throw error;
    });
    return connecting;
  };

  const rangesOf = async (admin: Admin, topic: string) => {
    const found = await admin.fetchTopicOffsets(topic, {
      timeout: timeoutMs,
      isolationLevel: kafka.KafkaJS.IsolationLevel.READ_UNCOMMITTED,
    });
    return found.map(({ partition, low, high }) => ({ partition, low: Number(low), high: Number(high) }));
  };

  const committedBy = async (admin: Admin): Promise<ReadonlyMap<number, number>> => {
    const found = await admin.fetchOffsets({ groupId: group, topics: [config.TASKS_TOPIC], timeout: timeoutMs });
    return new Map(
      found.flatMap(({ partitions }) => partitions).map(({ partition, offset }) => [partition, Number(offset)]),
    );
  };

  return {
    read: async () => {
      const admin = await connected();
      // One after the other: a question without an answer holds a thread of the process until its timeout.
      // What the group committed is asked before the end, so that no lag can come out negative.
      const committed = await committedBy(admin);
      const ranges = await rangesOf(admin, config.TASKS_TOPIC);
      const { groups } = await admin.describeGroups([group], { timeout: timeoutMs });
      const deadLetters = await rangesOf(admin, config.DEAD_LETTER_TOPIC);
      const partitions = ranges
        .map(({ partition, low, high }) => {
          // Without a commit (a negative offset, or none) the group begins at the start of the partition.
          const position = Math.max(low, committed.get(partition) ?? 0);
          return { partition, high, lag: Math.max(0, high - position) };
        })
        .sort((a, b) => a.partition - b.partition);
      const end = partitions.reduce((sum, { high }) => sum + high, 0);
      return {
        partitions: partitions.map(({ partition, lag }) => ({ partition, lag })),
        end,
        done: end - partitions.reduce((sum, { lag }) => sum + lag, 0),
        members: groups[0]?.members.length ?? 0,
        deadLetters: deadLetters.reduce((sum, { low, high }) => sum + high - low, 0),
      };
    },
    offsetsAt: async (timeMs) => {
      const admin = await connected();
      const found = await admin.fetchTopicOffsetsByTimestamp(config.TASKS_TOPIC, timeMs, {
        timeout: timeoutMs,
        isolationLevel: kafka.KafkaJS.IsolationLevel.READ_UNCOMMITTED,
      });
      return new Map(found.map(({ partition, offset }) => [partition, Number(offset)]));
    },
    close: async () => {
      const open = connecting;
      connecting = undefined;
      await (await open?.catch(() => undefined))?.disconnect();
    },
  };
};

const connect = async (config: KafkaConfig): Promise<Admin> => {
  const admin = new kafka.KafkaJS.Kafka({
    ...connectionSettings(config, 'taskstream-console'),
    // What it has to say is said by its answers, once a second.
    log_level: 0,
  }).admin();
  await admin.connect();
  return admin;
};
