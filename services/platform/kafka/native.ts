/**
 * The parts of librdkafka's binding that its own type declarations leave out, declared here once.
 * Everything else in the services uses these types and never a cast.
 */
import type { EventEmitter } from 'node:events';
import kafka from '@confluentinc/kafka-javascript';
import type { RdKafka } from '@confluentinc/kafka-javascript';
import type { Logger } from '../logger.ts';
import { backoffMs, sleep } from '../time.ts';

export type Message = RdKafka.Message;
export type TopicPartition = RdKafka.TopicPartition;
export type TopicPartitionOffset = RdKafka.TopicPartitionOffset;
export type DeliveryReport = RdKafka.DeliveryReport;
export type KafkaError = RdKafka.LibrdKafkaError;

/** Events of the group protocol that arrive at `rebalance_cb`. */
export const REBALANCE = {
  assign: kafka.CODES.ERRORS.ERR__ASSIGN_PARTITIONS,
  revoke: kafka.CODES.ERRORS.ERR__REVOKE_PARTITIONS,
} as const;

/** A consumer of the cooperative protocol, which adds and removes single partitions. */
export interface NativeConsumer extends RdKafka.KafkaConsumer {
  incrementalAssign(partitions: readonly TopicPartition[]): this;
  incrementalUnassign(partitions: readonly TopicPartition[]): this;
  /** True inside a revocation when the partitions already belong to somebody else. */
  assignmentLost(): boolean;
  /** With `true`, `consume(n)` waits for the first message only, and then takes what is there. */
  setDefaultIsTimeoutOnlyForFirstMessage(value: boolean): void;
}

/** A consumer that begins at the start of a partition its group has no offset for: no event may be passed over. */
export const createNativeConsumer = (settings: RdKafka.ConsumerGlobalConfig): NativeConsumer =>
  new kafka.KafkaConsumer(settings, { 'auto.offset.reset': 'earliest' }) as NativeConsumer;

export const createNativeProducer = (
  settings: RdKafka.ProducerGlobalConfig,
  topicSettings: RdKafka.ProducerTopicConfig,
): RdKafka.Producer => new kafka.Producer(settings, topicSettings);

export type NativeClient = RdKafka.KafkaConsumer | RdKafka.Producer;

/**
 * A client without an answer for so long may have forgotten its brokers: a new one is tried beside it.
 * A broker that its controller has fenced for a moment, as after a pause, names no broker. The client then drops them
 * all, those of its configuration too, and one that hears of them again in just that moment never connects to any.
 * No setting prevents it. Source: confluentinc/librdkafka#5301, seen with 2.15.1. A client that knows its brokers tries
 * them every 10 s at last (`reconnect.backoff.max.ms`).
 */
export const SILENT_MS = 20_000;

const CONNECT_TIMEOUT_MS = 5_000;

/** A line of librdkafka's log. */
export interface LogEvent {
  /** Syslog's: 3 is an error, 7 is debugging (RFC 5424, section 6.2.1). */
  readonly severity: number;
  /** What the line is about, a word in capitals. */
  readonly fac: string;
  readonly message: string;
}

const SYSLOG_ERROR = 3;
/** An error that goes on is logged again after so long. */
const REPEAT_MS = 60_000;
const MAX_REASONS = 100;

/**
 * Makes a client and connects it, again and again with backoff, until a broker answers or `signal` aborts.
 * @param name how the log calls it
 * @throws the last connection error when `signal` aborts first
 */
export const connectPatiently = async <C extends NativeClient>(
  name: string,
  create: () => C,
  logger: Logger,
  signal: AbortSignal,
): Promise<C> => {
  for (let attempt = 1; ; attempt += 1) {
    const client = create();
    // Both kinds of client emit these; their own declarations of `on` do not overlap.
    const events: EventEmitter = client;
    const loggedAt = new Map<string, number>();
    const warn = (reason: string): void => {
      // The client repeats an error with each of its own attempts, up to twenty a second; only their milliseconds differ.
      const kind = reason.replace(/\bafter \d+ms\b/, '');
      const now = performance.now();
      if (now - (loggedAt.get(kind) ?? Number.NEGATIVE_INFINITY) < REPEAT_MS) return;
      // Messages may name brokers and addresses: the list must not grow with them.
      if (loggedAt.size >= MAX_REASONS) loggedAt.clear();
      loggedAt.set(kind, now);
      logger.warn({ reason }, name);
    };
    events.on('event.error', (error: unknown) => {
      warn(toError(error).message);
    });
    events.on('event.log', (event: LogEvent) => {
      // Only here is told why a broker is not reached: a certificate, a password, a name. The connection error that
      // comes back is "transport failure" for all of them.
      if (event.severity <= SYSLOG_ERROR) warn(event.message);
      else logger.debug({ event }, 'librdkafka');
    });
    try {
      await connectClient(client, CONNECT_TIMEOUT_MS);
      return client;
    } catch (error) {
      if (signal.aborted) throw error;
      const delayMs = Math.round(backoffMs(attempt, { baseMs: 500, maxMs: 10_000 }));
      logger.warn({ err: error, attempt, delayMs }, 'Kafka does not answer: trying again');
      await sleep(delayMs, signal);
    }
  }
};

/**
 * Of the log's event after which a client refuses all that it is asked for, for good; the binding hands the same error to `event.error`
 * without its code. Source: librdkafka, rdkafka.c, `rd_kafka_set_fatal_error0`.
 */
export const FATAL_FACILITY = 'FATAL';

/** Connects and waits for the cluster's metadata. Rejects when no broker answers within `timeoutMs`. */
export const connectClient = (client: NativeClient, timeoutMs: number): Promise<void> =>
  new Promise((resolve, reject) => {
    client.connect({ timeout: timeoutMs, allTopics: false }, (error: KafkaError | null | undefined) => {
      if (error) reject(toError(error));
      else resolve();
    });
  });

/** Disconnects; it has no deadline of its own. Resolves at once for a client that never connected. */
export const disconnectConsumer = (client: RdKafka.KafkaConsumer): Promise<void> =>
  new Promise((resolve) => {
    if (!client.isConnected()) {
      resolve();
      return;
    }
    client.disconnect(() => {
      resolve();
    });
  });

/** What the binding calls an error need not be an Error. */
export const toError = (error: unknown): Error =>
  error instanceof Error
    ? error
    : new Error(
        typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error),
      );
