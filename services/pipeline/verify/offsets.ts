/** How far the indexers' group is in the topic, asked without becoming a member of it. */
import kafka from '@confluentinc/kafka-javascript';
import type { EntityNames } from '../entity.ts';
import { messageOf, TaskstreamError } from '../../platform/errors.ts';
import { connectionSettings, type KafkaConfig } from '../../platform/kafka/settings.ts';
import { withDeadline } from '../../platform/time.ts';

export interface GroupOffsets {
  /** The end of every partition now: the offset that the next record will get. */
  ends(): Promise<ReadonlyMap<number, number>>;
  /** Whether the group has nothing to read below these ends any more. */
  hasReached(ends: ReadonlyMap<number, number>): Promise<boolean>;
  close(): Promise<void>;
}

const DEADLINE_MS = 10_000;

/** @throws TaskstreamError `broker_unavailable` when no broker answers */
export const openOffsets = async (
  config: KafkaConfig,
  { topic, group: groupId }: Pick<EntityNames, 'topic' | 'group'>,
): Promise<GroupOffsets> => {
  const settings = { ...connectionSettings(config, 'taskstream-verify'), log_level: 0 };
  const admin = new kafka.KafkaJS.Kafka(settings).admin();
  const asking = async <T>(promise: Promise<T>): Promise<T> => {
    try {
      return await withDeadline(promise, DEADLINE_MS, 'Kafka');
    } catch (error) {
      throw new TaskstreamError(
        'broker_unavailable',
        `Kafka at ${config.KAFKA_BROKERS} does not say where the group ${groupId} is in ${topic}: ${messageOf(error)}. ` +
          'Without KAFKA_BROKERS verify waits by time alone.',
        { cause: error, retriable: true },
      );
    }
  };
  const partitions = async () => asking(admin.fetchTopicOffsets(topic));
  const offsets: GroupOffsets = {
    ends: async () => new Map((await partitions()).map(({ partition, high }) => [partition, Number(high)])),
    hasReached: async (ends) => {
      const committed = new Map<number, number>();
      for (const { partitions: list } of await asking(admin.fetchOffsets({ groupId, topics: [topic] }))) {
        for (const { partition, offset } of list) committed.set(partition, Number(offset));
      }
      const open = [...ends].filter(([partition, end]) => (committed.get(partition) ?? -1) < end);
      if (open.length === 0) return true;
      // What was removed need not be read, and a partition from which nothing was ever read has no commit.
      const lows = new Map((await partitions()).map(({ partition, low }) => [partition, Number(low)]));
      return open.every(([partition, end]) => (lows.get(partition) ?? 0) >= end);
    },
    close: () => admin.disconnect(),
  };
  try {
    await asking(admin.connect());
    // Connecting reaches nobody: what would be refused or unanswered later is better known now.
    await offsets.hasReached(await offsets.ends());
    return offsets;
  } catch (error) {
    await withDeadline(offsets.close(), DEADLINE_MS, 'the Kafka client').catch(() => undefined);
    throw error;
  }
};
