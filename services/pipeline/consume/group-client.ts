/**
 * The Kafka side of the indexer: a member of the consumer group, as promises.
 * It uses librdkafka's own consumer and not the callback runner above it, because the loop, the pause, the rebalance
 * and the stop are the delivery guarantee: they have to be ours (docs/adr/0003-batches-and-consumer.md).
 */
import type { EventEmitter } from 'node:events';
import type { RdKafka } from '@confluentinc/kafka-javascript';
import { z } from 'zod';
import { codeOf } from '../../platform/errors.ts';
import { connectionSettings, fetchBounds, type KafkaConfig } from '../../platform/kafka/settings.ts';
import { committedOffsets, promised, trackCommits, watermarksOf } from '../../platform/kafka/calls.ts';
import {
  createNativeConsumer,
  disconnectConsumer,
  FATAL_FACILITY,
  REBALANCE,
  SILENT_MS,
  type KafkaError,
  type LogEvent,
  type Message,
  type NativeConsumer,
  type TopicPartition,
  type TopicPartitionOffset,
} from '../../platform/kafka/native.ts';
import { followRenewals, make, type Made } from '../../platform/kafka/renewal.ts';
import type { Logger } from '../../platform/logger.ts';
import { NO_RENEWALS, type Renewals } from '../../platform/renewals.ts';
import { sleep } from '../../platform/time.ts';
import type { EntityNames } from '../entity.ts';
import type { ConsumeConfig } from './env.ts';

/** Told about changes of the assignment; the group waits until the promise of `onRevoke` resolves. */
export interface RebalanceListener {
  onAssign(partitions: readonly number[]): void;
  /** @param lost true when the partitions already belong to somebody else, so that nothing can be committed */
  onRevoke(partitions: readonly number[], lost: boolean): Promise<void>;
}

/** What was read, and the partitions whose end was reached behind it. */
export interface Polled {
  readonly messages: readonly Message[];
  /** With the offset that the partition's next record gets; there may be a gap between it and the last record. */
  readonly ends: readonly TopicPartitionOffset[];
}

/** The broker's answer to how much is still to be read. */
export interface LagReading {
  /** Events that can be read, by partition. A partition that could not be measured now is left out. */
  readonly lag: ReadonlyMap<number, number>;
  /** Events that cannot be read before another producer ends its transaction, where there are any. */
  readonly behindTransaction: ReadonlyMap<number, number>;
  /** Partitions that were asked for and that the topic does not have. */
  readonly gone: readonly number[];
}

export interface GroupClient {
  /** Up to `max` records; waits for the first one only, `POLL_TIMEOUT_MS` at most. */
  poll(max: number): Promise<Polled>;
  /** Resolves when the broker has the offsets; its answer arrives only while somebody polls. */
  commit(offsets: readonly TopicPartitionOffset[]): Promise<void>;
  pause(partitions: readonly number[]): void;
  resume(partitions: readonly number[]): void;
  /**
   * Measures each partition on its own.
   * @param positions by partition the next offset to settle; `undefined` where nothing was settled yet
   * @throws when no broker answers
   */
  lag(positions: ReadonlyMap<number, number | undefined>): Promise<LagReading>;
  /** Why this member has no place in its group; nothing when it has one, be it without partitions in a full group. */
  outsideReason(): string | undefined;
  /** Why it cannot read what it has, be it for want of a right or of the topic; nothing when it can, as far as it knows. */
  refusalReason(): string | undefined;
  /** Leaves the group and closes, within seconds whatever Kafka does. */
  disconnect(): Promise<void>;
}

const CLIENT_ID = 'taskstream-indexer';
/** Longest wait of one poll: it bounds how late a stop is noticed. */
const POLL_TIMEOUT_MS = 200;
const STATISTICS_INTERVAL_MS = 2_000;
/** Time that the answer to the last commit gets at a stop, which has waited for it already. */
const LAST_ANSWER_MS = 500;
/** Time that the connection of a new client gets to end at a stop, the rest of which ends with the process. */
const CONNECTION_MS = 2_000;
/** librdkafka's state of a member that has joined, and was told its partitions. */
const JOINED = 'steady';
const QUERY_TIMEOUT_MS = 5_000;
/** Least time between two clients that are refused for good. */
const REFUSED_MS = 10_000;
/** INCONSISTENT_GROUP_PROTOCOL */
const FOREIGN_PROTOCOL = 23;
/** librdkafka's own: no answer in time. */
const TIMED_OUT = -185;
/** TOPIC_AUTHORIZATION_FAILED */
const MAY_NOT_READ = 29;
/** How often a client that may not read, and has nothing to read, is to try. */
const ASK_AGAIN_MS = 10_000;

type Config = KafkaConfig & Pick<ConsumeConfig, 'SESSION_TIMEOUT_MS' | 'FETCH_BUFFER_KBYTES' | 'GROUP_PROTOCOL'>;

/** How the members share the partitions, by `GROUP_PROTOCOL` (docs/adr/0056-group-protocol.md). */
const groupSettings = ({ GROUP_PROTOCOL, SESSION_TIMEOUT_MS }: Config): RdKafka.ConsumerGlobalConfig =>
  GROUP_PROTOCOL === 'consumer'
    ? // The broker says the times, and how partitions are shared: the client refuses settings about them.
      { 'group.protocol': 'consumer' }
    : {
        // Only moved partitions stop: those that stay are read on during a rebalance.
        'partition.assignment.strategy': 'cooperative-sticky',
        'session.timeout.ms': SESSION_TIMEOUT_MS,
        'heartbeat.interval.ms': Math.min(3_000, Math.floor(SESSION_TIMEOUT_MS / 3)),
      };

const settings = (config: Config, group: string): RdKafka.ConsumerGlobalConfig => ({
  ...connectionSettings(config, CLIENT_ID),
  'group.id': group,
  ...groupSettings(config),
  'max.poll.interval.ms': Math.max(300_000, config.SESSION_TIMEOUT_MS),
  'enable.auto.commit': false,
  // A partition need not end with a record: behind the last one may be a transaction's marker, or what was removed.
  'enable.partition.eof': true,
  // Nothing else tells whether the member has joined.
  'statistics.interval.ms': STATISTICS_INTERVAL_MS,
  'enable.auto.offset.store': false,
  'allow.auto.create.topics': false,
  // New partitions are found within this time.
  'topic.metadata.refresh.interval.ms': 30_000,
  ...fetchBounds(config.FETCH_BUFFER_KBYTES),
  // After the read-ahead was full: the default of a second would leave a fast indexer without work.
  'fetch.queue.backoff.ms': 50,
  log_level: 4,
  event_cb: true,
  offset_commit_cb: true,
});

/**
 * Joins the group; retries with backoff until a broker answers or `signal` aborts.
 * A client that has forgotten its brokers (`SILENT_MS`) is replaced as soon as a new one connects: to the listener its
 * partitions are lost. That is noticed by `lag`, and so is one that Kafka refused for good.
 * So is one whose certificates or login were renewed, after what it has in flight is finished and committed: to the listener
 * its partitions are revoked.
 */
export const joinGroup = async (
  config: Config,
  names: Pick<EntityNames, 'topic' | 'group'>,
  listener: RebalanceListener,
  logger: Logger,
  signal: AbortSignal,
  renewals: Renewals = NO_RENEWALS,
): Promise<GroupClient> => {
  let current: NativeConsumer | undefined;
  /** Of a client that is being replaced: until what it has in flight is finished and committed. */
  let handingOver: Promise<void> | undefined;

  const onRebalance = async (
    client: NativeConsumer,
    event: KafkaError,
    assignment: readonly TopicPartition[],
  ): Promise<void> => {
    const partitions = assignment.map(({ partition }) => partition);
    if (event.code === REBALANCE.assign) {
      client.incrementalAssign(assignment);
      // A client that was replaced may be given partitions until it has left the group: nobody polls them.
      if (client === current) listener.onAssign(partitions);
      return;
    }
    try {
      // What a client that was replaced gives back was reported then; nobody may get it before its commit.
      if (client !== current) {
        await handingOver;
        return;
      }
      await listener.onRevoke(partitions, client.assignmentLost());
    } finally {
      // The group waits for this call; without it no member would get any partition again.
      client.incrementalUnassign(assignment);
    }
  };
  const create = (): NativeConsumer => {
    const client = createNativeConsumer({
      ...settings(config, names.group),
      rebalance_cb: (event: KafkaError, assignment: readonly TopicPartition[]) => {
        onRebalance(client, event, assignment).catch((error: unknown) => {
          logger.error({ err: error }, 'rebalance failed');
        });
      },
    });
    return client;
  };
  const connect = (until: AbortSignal) => make('Kafka consumer', config, create, logger, until);
  let madeFrom: string | undefined;
  const join = ({ client, from }: Made<NativeConsumer>, refused?: string): Member => {
    current = client;
    madeFrom = from;
    client.setDefaultConsumeTimeout(POLL_TIMEOUT_MS);
    client.setDefaultIsTimeoutOnlyForFirstMessage(true);
    client.subscribe([names.topic]);
    return wrap(client, names, config.GROUP_PROTOCOL === 'consumer', refused);
  };

  let member = join(await connect(signal));
  let replacing: Promise<boolean> | undefined;
  let left = 0;
  const closing = new AbortController();
  const isStopping = (): boolean => signal.aborted || closing.signal.aborted;

  /**
   * One attempt; resolves to whether there is a new client.
   * @throws when none connects: the one that is there may find its brokers meanwhile
   */
  const replace = async (isRenewal: boolean): Promise<boolean> => {
    const fresh = await connect(AbortSignal.abort());
    const isSilent = member.silentMs() >= SILENT_MS;
    const isLost = member.isLost();
    if (isStopping() || !(isRenewal || isLost)) {
      await disconnectConsumer(fresh.client);
      return false;
    }
    if (isSilent) {
      logger.warn(
        { silentMs: Math.round(member.silentMs()) },
        'the Kafka consumer reaches no broker, and a new one does: it takes its place',
      );
    }
    const partitions = (current?.assignments() ?? []).map(({ partition }) => partition);
    const old = member;
    current = undefined;
    // Of a renewal, the old one is polled until the new one is there: answers to the last commit arrive that way.
    if (partitions.length > 0) handingOver = listener.onRevoke(partitions, isLost);
    await handingOver;
    if (isStopping()) {
      // The old one leaves with the stop, and no new one comes for so short a time.
      await disconnectConsumer(fresh.client);
      return false;
    }
    // Its commits are given up once its session is over.
    void old.leave(config.SESSION_TIMEOUT_MS + QUERY_TIMEOUT_MS, closing.signal).then((closed) => {
      if (closed || closing.signal.aborted) return;
      left += 1;
      logger.warn(
        { left },
        'a Kafka consumer that was replaced cannot be closed: its memory stays in use until a restart',
      );
    });
    member = join(fresh, member.fatalReason());
    return true;
  };
  const replaceOnce = (isRenewal: boolean): Promise<boolean> =>
    (replacing ??= replace(isRenewal).finally(() => {
      replacing = undefined;
    }));

  void followRenewals(
    config,
    { name: CLIENT_ID, madeFrom: () => madeFrom, renew: () => replaceOnce(true) },
    renewals,
    logger,
    AbortSignal.any([signal, closing.signal]),
  );

  return {
    poll: (max) => member.poll(max),
    commit: (offsets) => member.commit(offsets),
    pause: (partitions) => {
      member.pause(partitions);
    },
    resume: (partitions) => {
      member.resume(partitions);
    },
    lag: (positions) =>
      member.lag(positions).finally(() => {
        if (closing.signal.aborted || !member.isLost()) return;
        void replaceOnce(false).catch(() => undefined);
      }),
    outsideReason: () => member.outsideReason(),
    refusalReason: () => member.refusalReason(),
    disconnect: async () => {
      closing.abort();
      await Promise.race([replacing?.catch(() => undefined), sleep(CONNECTION_MS)]);
      if (!(await member.leave(LAST_ANSWER_MS))) logger.warn('Kafka does not answer: the group is left without a word');
    },
  };
};

/** One client's part of `GroupClient`. */
interface Member extends Omit<GroupClient, 'disconnect'> {
  /** Since when no broker has answered it, in milliseconds; 0 when the last question was answered. */
  silentMs(): number;
  /** Why it can never read again, whatever the broker does; nothing while it can. */
  fatalReason(): string | undefined;
  /** Whether another client is to take its place. */
  isLost(): boolean;
  /**
   * Leaves the group and closes, unless a commit is unanswered for `ms`, or until `signal` aborts. librdkafka sends a commit
   * again and again and closes no consumer before its answer, while the end of the process waits for a close that has
   * begun: such a client is not closed.
   * @returns whether it is closed
   */
  leave(ms: number, signal?: AbortSignal): Promise<boolean>;
}

/** The part of librdkafka's statistics that is used (its STATISTICS.md). */
const statisticsSchema = z.object({ cgrp: z.object({ state: z.string(), join_state: z.string() }) });
/** Its state of a group whose coordinator it talks to. */
const COORDINATED = 'up';

/**
 * @param isBrokersShare whether the broker, and no member, says who gets which partition
 * @param refusedBefore why the client before it was refused for good: it is the reason until this one has joined
 */
const wrap = (
  client: NativeConsumer,
  { topic, group }: Pick<EntityNames, 'topic' | 'group'>,
  isBrokersShare: boolean,
  refusedBefore?: string,
): Member => {
  const createdAt = performance.now();
  const toTopicPartitions = (partitions: readonly number[]) => partitions.map((partition) => ({ topic, partition }));
  let ends: TopicPartitionOffset[] = [];
  let joinState = 'init';
  let isForeignProtocol = false;
  let mayNotRead = false;
  let askedAgainAt = Number.NEGATIVE_INFINITY;
  let isTopicMissing = false;
  let silentSince: number | undefined;
  let fatalReason: string | undefined;
  const { commit, unanswered } = trackCommits(client);
  const events: EventEmitter = client;
  events.on('partition.eof', (end: TopicPartitionOffset) => void ends.push(end));
  events.on('event.stats', ({ message }: { readonly message: string }) => {
    // Without its group's part the client is not in a group.
    const told = statisticsSchema.safeParse(JSON.parse(message)).data?.cgrp;
    // Where the broker shares the partitions out, a member that never had one has joined by its heartbeats alone.
    const isMember = told?.join_state === JOINED || (isBrokersShare && told?.state === COORDINATED);
    joinState = isMember ? JOINED : (told?.join_state ?? 'init');
    if (told?.join_state === JOINED) isForeignProtocol = false;
  });
  events.on('event.log', ({ fac, message }: LogEvent) => {
    if (fac === FATAL_FACILITY) fatalReason = message;
  });
  const silentMs = () => (silentSince === undefined ? 0 : performance.now() - silentSince);
  const consume = (max: number) =>
    promised<Message[]>((done) => {
      client.consume(max, done);
    });
  return {
    poll: async (max) => {
      try {
        const messages = await consume(max);
        if (messages.length > 0 || ends.length > 0) mayNotRead = false;
        return { messages, ends };
      } catch (error) {
        isForeignProtocol ||= codeOf(error) === FOREIGN_PROTOCOL;
        // The client says so once, and asks the broker again and again.
        mayNotRead ||= codeOf(error) === MAY_NOT_READ;
        throw error;
      } finally {
        ends = [];
      }
    },
    outsideReason: () => {
      if (isForeignProtocol) {
        return `the group ${group} has a member with another assignment strategy, so that no indexer can join: stop that consumer, or give it another group`;
      }
      const refusal = fatalReason ?? (joinState === JOINED ? undefined : refusedBefore);
      if (refusal !== undefined) {
        const hint = isBrokersShare ? '. A Kafka before 4.0 wants GROUP_PROTOCOL=classic' : '';
        return `the group ${group} cannot be joined (${refusal})${hint}`;
      }
      return joinState === JOINED ? undefined : `not in the group ${group} yet (${joinState})`;
    },
    refusalReason: () => {
      if (mayNotRead) return `Kafka refuses to let this user read the topic ${topic}`;
      // The client keeps the partitions of a topic that was deleted, and says nothing.
      return isTopicMissing ? `Kafka has no topic ${topic}, or this user may not see it` : undefined;
    },
    commit,
    pause: (partitions) => void client.pause(toTopicPartitions(partitions)),
    resume: (partitions) => void client.resume(toTopicPartitions(partitions)),
    lag: async (positions) => {
      const askedAt = performance.now();
      const { topics } = await promised<RdKafka.Metadata>((done) => {
        client.getMetadata({ topic, timeout: QUERY_TIMEOUT_MS }, done);
      }).catch((error: unknown) => {
        silentSince ??= askedAt;
        throw error;
      });
      silentSince = undefined;
      const found = topics.find(({ name }) => name === topic)?.partitions ?? [];
      isTopicMissing = found.length === 0;
      const leaders = new Map(found.map(({ id, leader }) => [id, leader]));
      const asked = [...positions.keys()];
      // Without a leader a partition cannot be measured, and waiting for one would hold up the others.
      const measurable = asked.filter((partition) => (leaders.get(partition) ?? -1) >= 0);
      const fresh = measurable.filter((partition) => positions.get(partition) === undefined);
      const committed =
        fresh.length === 0 ? new Map<number, number>() : await committedOffsets(client, toTopicPartitions(fresh));
      const lag = new Map<number, number>();
      const behindTransaction = new Map<number, number>();
      // Asked once: waiting for it again for each of its partitions would leave the others' figures as they were.
      const silent = new Set<number | undefined>();
      for (const partition of measurable) {
        const leader = leaders.get(partition);
        if (silent.has(leader)) continue;
        try {
          const { lowOffset, highOffset } = await watermarksOf(client, { topic, partition });
          const position = positions.get(partition) ?? committed.get(partition) ?? 0;
          // Beyond the end: the topic is another one of the same name, which is read from its start.
          const from = position > highOffset ? lowOffset : Math.max(lowOffset, position);
          lag.set(partition, highOffset - from);
          // The answer is the end of what can be read, and each fetch tells that of what is there: the first record of a
          // transaction that is open, and all behind it, is between the two.
          const end = client.getWatermarkOffsets(topic, partition).highOffset;
          if (position <= highOffset && end > highOffset) behindTransaction.set(partition, end - highOffset);
        } catch (error) {
          // Its leader is away, or has just changed.
          if (codeOf(error) === TIMED_OUT) silent.add(leader);
        }
      }
      // Once it may read again nothing tells before the next event, as the client says once that it has reached an end. After a
      // pause it says that again, or that it may not read.
      const now = performance.now();
      // Who has no partition may read what it has. One that was given meanwhile was not asked for.
      if (client.assignments().length === 0) mayNotRead = false;
      const isIdle = asked.length > 0 && lag.size === asked.length && [...lag.values()].every((events) => events === 0);
      if (mayNotRead && isIdle && now - askedAgainAt > ASK_AGAIN_MS) {
        askedAgainAt = now;
        client.pause(toTopicPartitions(asked));
        client.resume(toTopicPartitions(asked));
      }
      // A topic that is not there at all may be created again; its members are then given what it has.
      const gone = found.length === 0 ? [] : asked.filter((partition) => !leaders.has(partition));
      return { lag, behindTransaction, gone };
    },
    fatalReason: () => fatalReason,
    isLost: () => silentMs() >= SILENT_MS || (fatalReason !== undefined && performance.now() - createdAt >= REFUSED_MS),
    silentMs,
    leave: async (ms, signal) => {
      const until = performance.now() + ms;
      if (unanswered() > 0) client.unsubscribe();
      while (unanswered() > 0 && performance.now() < until && signal?.aborted !== true) {
        // What it reads belongs to somebody else; the answers come this way.
        await consume(1).catch(() => sleep(POLL_TIMEOUT_MS, signal));
      }
      if (unanswered() > 0) return false;
      await disconnectConsumer(client);
      return true;
    },
  };
};
