/**
 * Asks Kafka how far topic and group are. It connects when first asked, and can be closed and asked again.
 * It asks as a consumer that never joins: the admin client's questions about a group end the process when the group's
 * coordinator is away (an assertion of librdkafka, a null pointer of its binding), which is just when one watches here.
 */
import type { RdKafka } from '@confluentinc/kafka-javascript';
import type { EntityNames } from '../../pipeline/entity.ts';
import type { KafkaConfig } from '../../platform/kafka/settings.ts';
import { partitionsOf, promised, type Partition } from '../../platform/kafka/calls.ts';
import type { NativeConsumer, TopicPartitionOffset } from '../../platform/kafka/native.ts';
import type { Logger } from '../../platform/logger.ts';
import { createGroupMembers } from './group-members.ts';
import { createLazyConsumer } from './lazy-consumer.ts';
import type { KafkaReading } from './sample.ts';

export interface KafkaWatch {
  /** @throws what the client throws when Kafka does not answer or refuses */
  readonly read: () => Promise<KafkaReading>;
  /**
   * For each partition of the tasks topic the first offset at or after a time; nothing for one whose brokers are away.
   * @throws as above
   */
  readonly offsetsAt: (timeMs: number) => Promise<ReadonlyMap<number, number | undefined>>;
  /** For each partition of the topic its end; nothing for one whose brokers are away. @throws as above */
  readonly ends: () => Promise<ReadonlyMap<number, number | undefined>>;
  readonly close: () => Promise<void>;
}

export interface KafkaWatchOptions {
  readonly config: KafkaConfig;
  readonly task: EntityNames;
  /** Bound on one question, in milliseconds. */
  readonly timeoutMs: number;
  readonly logger: Logger;
}

interface Range {
  readonly partition: number;
  readonly low: number;
  readonly high: number;
}

const endsOf = (ranges: readonly Range[]): ReadonlyMap<number, number> =>
  new Map(ranges.map(({ partition, high }) => [partition, high]));

export const createKafkaWatch = ({ config, task, timeoutMs, logger }: KafkaWatchOptions): KafkaWatch => {
  const consumer = createLazyConsumer({ config, group: task.group, withOpenTransactions: true, logger });
  const members = createGroupMembers(logger);

  // All questions are asked one after the other: one without an answer holds a thread of the process until its timeout.
  // A partition without a leader would hold up the others until its timeout, and has no range.
  const rangesOf = async (client: NativeConsumer, topic: string, partitions: readonly Partition[]) => {
    const ranges: Range[] = [];
    for (const { id: partition, hasLeader } of partitions) {
      if (!hasLeader) continue;
      const { lowOffset, highOffset } = await promised<RdKafka.WatermarkOffsets>((done) => {
        client.queryWatermarkOffsets(topic, partition, timeoutMs, done);
      });
      ranges.push({ partition, low: lowOffset, high: highOffset });
    }
    return ranges;
  };

  return {
    read: async () => {
      const client = await consumer.connected();
      const { topic, deadLetterTopic } = task;
      const all = await partitionsOf(client, topic, timeoutMs);
      const wanted = all.map(({ id }) => ({ topic, partition: id }));
      // What the group committed is asked before the end, so that no lag can come out negative.
      const committed = await promised<TopicPartitionOffset[]>((done) => {
        client.committed(wanted, timeoutMs, done);
      });
      const offsets = new Map(committed.map(({ partition, offset }) => [partition, offset]));
      const measured = (await rangesOf(client, topic, all)).map(({ partition, low, high }) => {
        const offset = offsets.get(partition);
        // Without a commit the group begins at the start of the partition; an offset is then absent or negative.
        const committed = offset !== undefined && Number.isFinite(offset) ? offset : 0;
        // Beyond the end: records were lost, or the topic is another one of that name, which is read from its start.
        const position = committed > high ? low : Math.max(low, committed);
        return { partition, high, lag: high - position };
      });
      const lags = new Map(measured.map(({ partition, lag }) => [partition, lag]));
      const deadLetters = await rangesOf(
        client,
        deadLetterTopic,
        await partitionsOf(client, deadLetterTopic, timeoutMs),
      );
      const isWhole = measured.length === wanted.length;
      const end = measured.reduce((sum, { high }) => sum + high, 0);
      return {
        partitions: wanted.map(({ partition }) => ({ partition, lag: lags.get(partition) ?? null })),
        end: isWhole ? end : null,
        done: isWhole ? end - measured.reduce((sum, { lag }) => sum + lag, 0) : null,
        members: members.count(),
        deadLetters: deadLetters.reduce((sum, { low, high }) => sum + high - low, 0),
      };
    },
    offsetsAt: async (timeMs) => {
      const client = await consumer.connected();
      const { topic } = task;
      const all = await partitionsOf(client, topic, timeoutMs);
      const ranges = await rangesOf(client, topic, all);
      const found = await promised<TopicPartitionOffset[]>((done) => {
        const times = ranges.map(({ partition }) => ({ topic, partition, offset: timeMs }));
        client.offsetsForTimes(times, timeoutMs, done);
      });
      // Where nothing is as new as that, what comes next is read: a negative offset stands for the end.
      const ends = endsOf(ranges);
      const starts = new Map(
        found.map(({ partition, offset }) => [partition, offset >= 0 ? offset : (ends.get(partition) ?? 0)]),
      );
      return new Map(all.map(({ id }) => [id, starts.get(id)]));
    },
    ends: async () => {
      const client = await consumer.connected();
      const all = await partitionsOf(client, task.topic, timeoutMs);
      const ends = endsOf(await rangesOf(client, task.topic, all));
      return new Map(all.map(({ id }) => [id, ends.get(id)]));
    },
    close: async () => {
      await Promise.all([members.close(), consumer.close()]);
    },
  };
};
