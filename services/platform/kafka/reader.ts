/**
 * Reads a topic by direct assignment: no group is joined, so that the indexers keep their partitions and a command can
 * begin and end where it likes. It can ask for a group's committed offsets, and commit for a group without members.
 */
import type { EventEmitter } from 'node:events';
import type { RdKafka } from '@confluentinc/kafka-javascript';
import { messageOf, TaskstreamError } from '../errors.ts';
import { connectionSettings, fetchBounds, type KafkaConfig } from './settings.ts';
import { committedOffsets, partitionsOf, promised, trackCommits, watermarksOf, type Commit } from './calls.ts';
import {
  connectPatiently,
  createNativeConsumer,
  disconnectConsumer,
  type Message,
  type NativeConsumer,
  type TopicPartitionOffset,
} from './native.ts';
import type { Logger } from '../logger.ts';
import { OPS_GROUP_PREFIX } from '../product.ts';
import { askCoordinator } from './coordinator.ts';
import { describeGroup, type GroupState } from './group.ts';
import { askLeader } from './leader.ts';

/** Offsets of a partition: the first that is still there, and the one that the next record gets. */
export interface PartitionEnds {
  readonly partition: number;
  readonly low: number;
  readonly high: number;
}

/** What to read of a partition; without `to` it is followed for ever. */
export interface PartitionRange {
  readonly partition: number;
  readonly from: number;
  /** Exclusive. */
  readonly to?: number;
}

export interface TopicReader {
  /** @throws TaskstreamError when the topic is not there */
  ends(topic: string): Promise<readonly PartitionEnds[]>;
  /** For each partition the first offset whose record is not older than `timeMs`; its end when there is none. */
  offsetsAt(topic: string, ends: readonly PartitionEnds[], timeMs: number): Promise<ReadonlyMap<number, number>>;
  /** What the reader's group has committed; a partition it never committed is left out. */
  committed(topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, number>>;
  /** Commits for the reader's group; the answer arrives while somebody reads, or in `pollWhile`. */
  readonly commit: Commit;
  /** Members of the reader's group. */
  group(): Promise<GroupState>;
  /**
   * Records in offset order within each partition, in batches of up to `maxBatch`, until all ranges are read or
   * `signal` aborts. What is read ahead is bounded: who takes batches slowly is not flooded.
   */
  read(topic: string, ranges: readonly PartitionRange[], options: ReadOptions): AsyncGenerator<readonly Message[]>;
  /** Serves answers of the broker until `pending` settles, and reads nothing. */
  pollWhile(pending: Promise<unknown>): Promise<void>;
  close(): Promise<void>;
}

export interface ReadOptions {
  readonly signal: AbortSignal;
  readonly maxBatch?: number;
}

export interface ReaderOptions {
  readonly logger: Logger;
  /** Group whose offsets are asked for and committed; one of the command's own when it is about none. */
  readonly group?: string;
  readonly signal: AbortSignal;
}

/** An operator waits for a command: rather an error than silence. */
const CONNECT_DEADLINE_MS = 20_000;
const METADATA_TIMEOUT_MS = 5_000;
/** Longest wait of one poll: it bounds how late a stop is noticed. */
const POLL_TIMEOUT_MS = 200;
const MAX_BATCH = 500;
/** Bound on what is read ahead, in KiB. */
const QUEUE_KBYTES = 16_384;
/** A bounded read that gets nothing for so long has lost its broker. */
const STALL_MS = 60_000;

const settings = (config: KafkaConfig, group: string): RdKafka.ConsumerGlobalConfig => ({
  ...connectionSettings(config, 'taskstream-ops'),
  'group.id': group,
  'enable.auto.commit': false,
  'enable.auto.offset.store': false,
  'allow.auto.create.topics': false,
  // The end of a compacted partition need not hold a record: only the broker can tell that it is reached.
  'enable.partition.eof': true,
  ...fetchBounds(QUEUE_KBYTES),
  log_level: 4,
  event_cb: true,
  offset_commit_cb: true,
});

/** @throws TaskstreamError `broker_unavailable` when no broker answers */
export const createTopicReader = async (config: KafkaConfig, options: ReaderOptions): Promise<TopicReader> => {
  const { logger, group = OPS_GROUP_PREFIX, signal } = options;
  const create = () => createNativeConsumer(settings(config, group));
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_DEADLINE_MS)]);
  const client = await connectPatiently('Kafka consumer', create, logger, deadline).catch((error: unknown) => {
    throw new TaskstreamError(
      'broker_unavailable',
      `Kafka does not answer at ${config.KAFKA_BROKERS}: ${messageOf(error)}`,
      { cause: error },
    );
  });
  client.setDefaultConsumeTimeout(POLL_TIMEOUT_MS);
  client.setDefaultIsTimeoutOnlyForFirstMessage(true);
  return wrap(client, group);
};

const wrap = (client: NativeConsumer, group: string): TopicReader => {
  /** Partitions whose end was reached since it was last asked. */
  const ended = new Set<number>();
  const events: EventEmitter = client;
  events.on('partition.eof', ({ partition }: TopicPartitionOffset) => void ended.add(partition));
  // The client looks for its group's coordinator even where nothing is committed: an ACL that is missing shows here.
  const poll = (max: number) =>
    askCoordinator(group, () =>
      promised<Message[]>((done) => {
        client.consume(max, done);
      }),
    );
  return {
    ends: async (topic) => {
      const found: PartitionEnds[] = [];
      for (const partition of await partitionsOf(client, topic)) {
        const { lowOffset, highOffset } = await askLeader(() => watermarksOf(client, { topic, partition }));
        found.push({ partition, low: lowOffset, high: highOffset });
      }
      return found;
    },
    offsetsAt: async (topic, ends, timeMs) => {
      if (ends.length === 0) return new Map();
      const asked = ends.map(({ partition }) => ({ topic, partition, offset: Math.max(0, timeMs) }));
      const found = await promised<TopicPartitionOffset[]>((done) => {
        client.offsetsForTimes(asked, METADATA_TIMEOUT_MS, done);
      });
      const offsets = new Map(found.map(({ partition, offset }) => [partition, offset]));
      return new Map(
        ends.map(({ partition, high }) => {
          const offset = offsets.get(partition);
          return [partition, offset !== undefined && Number.isFinite(offset) && offset >= 0 ? offset : high];
        }),
      );
    },
    committed: (topic, partitions) =>
      askCoordinator(group, () =>
        committedOffsets(
          client,
          partitions.map((partition) => ({ topic, partition })),
        ),
      ),
    commit: trackCommits(client),
    group: () => askCoordinator(group, () => describeGroup(client, group)),
    read: async function* (topic, ranges, { signal, maxBatch = MAX_BATCH }) {
      const open = new Map(
        ranges.filter(({ from, to }) => to === undefined || from < to).map(({ partition, to }) => [partition, to]),
      );
      const isBounded = [...open.values()].every((to) => to !== undefined);
      const finish = (partition: number) => {
        if (!open.delete(partition)) return;
        // A topic that grows faster than it is read must not be fetched beyond what was asked for.
        client.pause([{ topic, partition }]);
      };
      ended.clear();
      client.assign(
        ranges
          .filter(({ partition }) => open.has(partition))
          .map(({ partition, from }) => ({ topic, partition, offset: from })),
      );
      let progressAt = performance.now();
      while (open.size > 0 && !signal.aborted) {
        const batch = await poll(maxBatch);
        const wanted = batch.filter(
          ({ partition, offset }) => open.has(partition) && offset < (open.get(partition) ?? Infinity),
        );
        for (const { partition, offset } of batch)
          if (offset + 1 >= (open.get(partition) ?? Infinity)) finish(partition);
        // The end is behind all that was asked for: what is missing before it was compacted away.
        for (const partition of ended) if (open.get(partition) !== undefined) finish(partition);
        ended.clear();
        if (wanted.length > 0) yield wanted;
        if (batch.length > 0) progressAt = performance.now();
        else if (isBounded && performance.now() - progressAt > STALL_MS) {
          throw new TaskstreamError('broker_unavailable', `Kafka gave nothing of ${topic} for ${STALL_MS / 1_000} s`);
        }
      }
    },
    pollWhile: async (pending) => {
      const done = new AbortController();
      const settled = pending.finally(() => {
        done.abort();
      });
      const assigned = client.assignments();
      if (assigned.length > 0) client.pause(assigned);
      while (!done.signal.aborted) await poll(1);
      await settled;
    },
    close: async () => {
      client.unassign();
      await disconnectConsumer(client);
    },
  };
};
