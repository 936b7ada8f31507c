/**
 * Reads a topic by direct assignment: no group is joined, so that the indexers keep their partitions and a command can
 * begin and end where it likes. It can ask for a group's committed offsets, and commit for a group without members.
 */
import type { EventEmitter } from 'node:events';
import { messageOf, TaskstreamError } from '../errors.ts';
import { assignedConsumerSettings, WITH_OPEN_TRANSACTIONS, type KafkaConfig } from './settings.ts';
import { committedOffsets, partitionsOf, promised, trackCommits, watermarksOf, type Commits } from './calls.ts';
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
import { askCoordinator, askLeader } from './ask.ts';
import { describeGroup, type GroupState } from './group.ts';

/** Offsets of a partition: the first that is still there, and the one that the next record gets. */
export interface PartitionEnds {
  readonly partition: number;
  readonly low: number;
  readonly high: number;
}

/** An offset for each partition. */
export type Offsets = ReadonlyMap<number, number>;

export interface Batch {
  readonly messages: readonly Message[];
  /** Partitions whose end was met, with its offset: after compaction the last record may be far below it. */
  readonly ends: Offsets;
}

/** What to read of a partition; without `to` it is followed for ever. */
export interface PartitionRange {
  readonly partition: number;
  readonly from: number;
  /** Exclusive. */
  readonly to?: number;
}

export interface TopicReader {
  /** @throws TaskstreamError when the topic is not there, or a partition has no leader */
  ends(topic: string): Promise<readonly PartitionEnds[]>;
  /** The same for each partition on its own: nothing for one whose brokers are away. */
  endsByPartition(topic: string): Promise<ReadonlyMap<number, PartitionEnds | undefined>>;
  /** For each partition the first offset whose record is not older than `timeMs`; its end when there is none. */
  offsetsAt(topic: string, ends: readonly PartitionEnds[], timeMs: number): Promise<ReadonlyMap<number, number>>;
  /** What the reader's group has committed; a partition it never committed is left out. */
  committed(topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, number>>;
  /** Commits for the reader's group; the answer arrives while somebody reads, or in `pollWhile`. */
  readonly commit: Commits['commit'];
  /** Members of the reader's group. */
  group(): Promise<GroupState>;
  /**
   * Records in offset order within each partition, in batches of up to `maxBatch`, until all ranges are read or
   * `signal` aborts. What is read ahead is bounded: who takes batches slowly is not flooded.
   */
  read(topic: string, ranges: readonly PartitionRange[], options: ReadOptions): AsyncGenerator<readonly Message[]>;
  /** Adds partitions to those that `poll` reads, from these offsets on; `read` begins without them. */
  follow(topic: string, from: Offsets): void;
  /** Up to `max` records of the partitions that are read; waits for the first one only, and not for long. */
  poll(max: number): Promise<Batch>;
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
  /** As the brokers' logs call this client. */
  readonly clientId?: string;
  /** Longest time that a broker waits for records before it answers a fetch, in milliseconds; 500 when undefined. */
  readonly fetchWaitMs?: number;
  /** Group whose offsets are asked for and committed; one of the command's own when it is about none. */
  readonly group?: string;
  /** Whether a partition's end lies behind what is still in a transaction; `read` then gives what is aborted, too. */
  readonly withOpenTransactions?: boolean;
  readonly signal: AbortSignal;
}

/** An operator waits for a command: rather an error than silence. */
const CONNECT_DEADLINE_MS = 20_000;
const METADATA_TIMEOUT_MS = 5_000;
/** Longest wait of one poll: it bounds how late a stop is noticed. */
const POLL_TIMEOUT_MS = 200;
const MAX_BATCH = 500;
/** Bound on what is read ahead, in KiB. */
/** A bounded read that gets nothing for so long has lost its broker. */
const STALL_MS = 60_000;

/** @throws TaskstreamError `broker_unavailable` when no broker answers */
export const createTopicReader = async (config: KafkaConfig, options: ReaderOptions): Promise<TopicReader> => {
  const { logger, clientId = 'taskstream-ops', group = OPS_GROUP_PREFIX, fetchWaitMs, signal } = options;
  const { withOpenTransactions = false } = options;
  const create = () =>
    createNativeConsumer({
      ...assignedConsumerSettings(config, clientId, group),
      ...(fetchWaitMs === undefined ? {} : { 'fetch.wait.max.ms': fetchWaitMs }),
      ...(withOpenTransactions ? WITH_OPEN_TRANSACTIONS : {}),
      offset_commit_cb: true,
    });
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_DEADLINE_MS)]);
  const client = await connectPatiently('Kafka consumer', create, logger, deadline).catch((error: unknown) => {
    throw new TaskstreamError(
      'broker_unavailable',
      `Kafka does not answer at ${config.KAFKA_BROKERS}: ${messageOf(error)}`,
      { cause: error, retriable: true },
    );
  });
  client.setDefaultConsumeTimeout(POLL_TIMEOUT_MS);
  client.setDefaultIsTimeoutOnlyForFirstMessage(true);
  return wrap(client, group);
};

const wrap = (client: NativeConsumer, group: string): TopicReader => {
  let ended = new Map<number, number>();
  const events: EventEmitter = client;
  events.on('partition.eof', ({ partition, offset }: TopicPartitionOffset) => void ended.set(partition, offset));
  // The client looks for its group's coordinator even where nothing is committed: an ACL that is missing shows here.
  const poll = async (max: number): Promise<Batch> => {
    const messages = await askCoordinator(group, () =>
      promised<Message[]>((done) => {
        client.consume(max, done);
      }),
    );
    const ends = ended;
    ended = new Map();
    return { messages, ends };
  };
  const endsOf = async (topic: string, partition: number): Promise<PartitionEnds> => {
    const { lowOffset, highOffset } = await askLeader(() => watermarksOf(client, { topic, partition }));
    return { partition, low: lowOffset, high: highOffset };
  };
  return {
    ends: async (topic) =>
      // At the same time: a broker may let each answer wait behind a fetch.
      Promise.all((await partitionsOf(client, topic)).map(({ id }) => endsOf(topic, id))),
    endsByPartition: async (topic) =>
      new Map(
        await Promise.all(
          (await partitionsOf(client, topic)).map(async ({ id, hasLeader }) => {
            const ends = hasLeader ? await endsOf(topic, id).catch(() => undefined) : undefined;
            return [id, ends] as const;
          }),
        ),
      ),
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
    commit: trackCommits(client).commit,
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
      ended = new Map();
      const assigned = ranges
        .filter(({ partition }) => open.has(partition))
        .map(({ partition, from }) => ({ topic, partition, offset: from }));
      client.assign(assigned);
      // A partition that an earlier read has finished stays paused through the new assignment.
      if (assigned.length > 0) client.resume(assigned);
      let progressAt = performance.now();
      while (open.size > 0 && !signal.aborted) {
        const { messages, ends } = await poll(maxBatch);
        const wanted = messages.filter(
          ({ partition, offset }) => open.has(partition) && offset < (open.get(partition) ?? Infinity),
        );
        for (const { partition, offset } of messages)
          if (offset + 1 >= (open.get(partition) ?? Infinity)) finish(partition);
        // The end is behind all that was asked for: what is missing before it was compacted away.
        for (const partition of ends.keys()) if (open.get(partition) !== undefined) finish(partition);
        if (wanted.length > 0) yield wanted;
        if (messages.length > 0) progressAt = performance.now();
        else if (isBounded && performance.now() - progressAt > STALL_MS) {
          throw new TaskstreamError('broker_unavailable', `Kafka gave nothing of ${topic} for ${STALL_MS / 1_000} s`);
        }
      }
    },
    follow: (topic, from) => {
      if (from.size > 0) {
        client.incrementalAssign([...from].map(([partition, offset]) => ({ topic, partition, offset })));
      }
    },
    poll,
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
