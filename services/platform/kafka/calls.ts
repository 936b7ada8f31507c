/** The binding's callbacks as promises. */
import type { RdKafka } from '@confluentinc/kafka-javascript';
import { TaskstreamError } from '../errors.ts';
import {
  toError,
  type KafkaError,
  type NativeConsumer,
  type TopicPartition,
  type TopicPartitionOffset,
} from './native.ts';
import { withDeadline } from '../time.ts';

const QUERY_TIMEOUT_MS = 5_000;
const COMMIT_TIMEOUT_MS = 10_000;

/** Turns the binding's callbacks into a promise. */
export const promised = <T = undefined>(
  call: (done: (error: KafkaError | null | undefined, value?: T) => void) => void,
): Promise<T> =>
  new Promise((resolve, reject) => {
    call((error, value) => {
      if (error) reject(error instanceof Error ? error : Object.assign(toError(error), { code: error.code }));
      else resolve(value as T);
    });
  });

/** What the group has committed of each partition; a partition it never committed is left out. */
export const committedOffsets = async (
  client: NativeConsumer,
  partitions: readonly TopicPartition[],
): Promise<ReadonlyMap<number, number>> => {
  const found = await promised<TopicPartitionOffset[]>((done) => {
    client.committed([...partitions], QUERY_TIMEOUT_MS, done);
  });
  // Without a commit the offset is absent or negative.
  return new Map(
    found
      .filter(({ offset }) => Number.isFinite(offset) && offset >= 0)
      .map(({ partition, offset }) => [partition, offset]),
  );
};

/** The first offset that a partition still has, and the one its next record gets. */
export const watermarksOf = (
  client: NativeConsumer,
  { topic, partition }: TopicPartition,
): Promise<{ readonly lowOffset: number; readonly highOffset: number }> =>
  promised((done) => {
    client.queryWatermarkOffsets(topic, partition, QUERY_TIMEOUT_MS, done);
  });

export interface Partition {
  readonly id: number;
  /** False while the brokers that have it are away: nothing can be asked of it then. */
  readonly hasLeader: boolean;
}

/**
 * A topic's partitions in their order.
 * @throws TaskstreamError `invalid_configuration` when there is no such topic, or this user may not see it
 */
export const partitionsOf = async (
  client: NativeConsumer,
  topic: string,
  timeoutMs = QUERY_TIMEOUT_MS,
): Promise<Partition[]> => {
  const { topics } = await promised<RdKafka.Metadata>((done) => {
    client.getMetadata({ topic, timeout: timeoutMs }, done);
  });
  const partitions = topics.find(({ name }) => name === topic)?.partitions ?? [];
  if (partitions.length === 0) {
    throw new TaskstreamError(
      'invalid_configuration',
      `Kafka has no topic ${topic}, or this user may not see it: make it, or correct its name in the settings.`,
    );
  }
  return partitions.map(({ id, leader }) => ({ id, hasLeader: leader >= 0 })).sort((a, b) => a.id - b.id);
};

export interface Commits {
  /**
   * Commits with the broker's answer. The binding's own callback only tells that the request was queued; the answer
   * comes as an event while somebody polls, and is matched to its commit by the offsets it carries.
   */
  readonly commit: (offsets: readonly TopicPartitionOffset[]) => Promise<void>;
  /** How many commits librdkafka still has, those included that nobody waits for any more. */
  readonly unanswered: () => number;
}

export const trackCommits = (client: NativeConsumer): Commits => {
  let unanswered = 0;
  const open = new Map<string, (error: Error | undefined) => void>();
  const keyOf = (offsets: readonly TopicPartitionOffset[]): string =>
    offsets
      .map(({ partition, offset }) => `${partition}:${offset}`)
      .sort()
      .join();
  client.on('offset.commit', (error: unknown, offsets: readonly TopicPartitionOffset[]) => {
    unanswered -= 1;
    const failure: unknown = error ?? offsets.find((offset) => offset.error)?.error;
    open.get(keyOf(offsets))?.(failure ? toError(failure) : undefined);
  });
  return {
    commit: async (offsets) => {
      const key = keyOf(offsets);
      const answer = new Promise<void>((resolve, reject) => {
        open.set(key, (error) => {
          if (error === undefined) resolve();
          else reject(error);
        });
      });
      client.commit([...offsets]);
      unanswered += 1;
      await withDeadline(answer, COMMIT_TIMEOUT_MS, 'the commit').finally(() => {
        open.delete(key);
      });
    },
    unanswered: () => unanswered,
  };
};
