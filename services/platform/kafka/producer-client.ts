/**
 * One producer of librdkafka and what became of each record given to it.
 * It wraps librdkafka's own producer and not the promise-a-record layer above it: the relay must know exactly which
 * records of a chunk the broker has, and one promise for a thousand records is cheaper than a thousand.
 */
import kafka from '@confluentinc/kafka-javascript';
import type { RdKafka } from '@confluentinc/kafka-javascript';
import { FATAL_FACILITY, SILENT_MS, toError, type DeliveryReport, type LogEvent } from './native.ts';
import { codeOf } from '../errors.ts';

export interface ProducerRecord {
  readonly key: string | Buffer | null;
  /** Null makes a tombstone. */
  readonly value: Buffer | null;
  readonly headers: RdKafka.MessageHeader[];
  /** Where it goes; chosen by the key without it. */
  readonly partition?: number;
}

/** Outcome of one record: nothing when the broker has it, or the reason why not. */
export type Delivery = Error | undefined;

/** Called once for each record, as soon as its outcome is known. */
export type OnDelivery = (index: number, outcome: Delivery) => void;

/**
 * Answers that are about the records of a request and not about its servers. A broker refuses all records of a request
 * for one of them, so only a record that was alone in its request is refused for good. An invalid timestamp is none of
 * them: it is this machine's clock, which somebody will set right.
 */
const REFUSALS: ReadonlySet<unknown> = new Set([
  kafka.CODES.ERRORS.ERR_INVALID_MSG_SIZE,
  kafka.CODES.ERRORS.ERR_MSG_SIZE_TOO_LARGE,
  kafka.CODES.ERRORS.ERR_RECORD_LIST_TOO_LARGE,
  kafka.CODES.ERRORS.ERR_POLICY_VIOLATION,
  // KIP-467; the binding has no names for them.
  87,
  -138,
]);

/** Why a record was not delivered, as librdkafka says it. */
export class DeliveryError extends Error {
  override readonly name = 'DeliveryError';
  /** A broker's number of the error, above 0, or librdkafka's own, below 0. */
  readonly code: unknown;
  /** The partition it was meant for; nothing when it had none yet. */
  readonly partition: number | undefined;
  /** True when the answer was about the records of the request. */
  readonly isRefusal: boolean;

  constructor(cause: unknown, partition?: number) {
    super(toError(cause).message, { cause });
    this.code = codeOf(cause);
    this.partition = partition === undefined || partition < 0 ? undefined : partition;
    this.isRefusal = REFUSALS.has(this.code);
  }
}

export interface ProducerClient {
  /** As `KafkaProducer` has it. */
  send(topic: string, records: readonly ProducerRecord[], onDelivery?: OnDelivery): Promise<readonly Delivery[]>;
  /** As `KafkaProducer` has it. */
  partitionCount(topic: string): Promise<number | undefined>;
  /** As `KafkaProducer` has it. */
  reachesBroker(topic: string): Promise<boolean>;
  /** As `KafkaProducer` has it. */
  disconnect(flushMs: number): Promise<void>;
  /** True once it was seen that this client will never again deliver a record, or seems to have forgotten its brokers. */
  readonly hasFailed: () => boolean;
}

const CLOSED = new Error('the client was closed before the broker confirmed');

/** Collects the reports of one `send`; what was not reported counts as failed. */
class PendingSend {
  readonly done: Promise<readonly Delivery[]>;
  readonly #deliveries: Delivery[];
  #open: number;
  readonly #onDelivery: OnDelivery | undefined;
  #resolve: () => void = () => undefined;

  constructor(count: number, onDelivery: OnDelivery | undefined) {
    this.#onDelivery = onDelivery;
    this.#deliveries = new Array<Delivery>(count).fill(CLOSED);
    this.#open = count;
    this.done = new Promise((resolve) => {
      this.#resolve = () => {
        resolve(this.#deliveries);
      };
    });
    if (count === 0) this.#resolve();
  }

  settle(index: number, outcome: Delivery): void {
    // Given up already, and reported so.
    if (this.#open === 0) return;
    this.#deliveries[index] = outcome;
    this.#open -= 1;
    this.#onDelivery?.(index, outcome);
    if (this.#open === 0) this.#resolve();
  }

  /** Waits for no more reports: a client that was closed sends none. */
  abandon(reason = CLOSED): void {
    if (this.#open === 0) return;
    this.#open = 0;
    this.#deliveries.forEach((outcome, index) => {
      if (outcome !== CLOSED) return;
      this.#deliveries[index] = reason;
      this.#onDelivery?.(index, reason);
    });
    this.#resolve();
  }
}

/** The token that travels with a record through librdkafka and returns with its report. */
class DeliveryToken {
  readonly send: PendingSend;
  readonly index: number;
  constructor(send: PendingSend, index: number) {
    this.send = send;
    this.index = index;
  }
}

/**
 * An idempotent producer that may not go on without breaking its promise refuses everything from then on: `produce`
 * throws this. Source: librdkafka, INTRODUCTION.md, "Idempotent Producer" and "Fatal errors".
 */
const isFatal = (error: unknown): boolean => codeOf(error) === kafka.CODES.ERRORS.ERR__FATAL;

/**
 * What is queued fails at once after a fatal error, and what is in flight has this long for its report. A record that
 * was queued in that very moment, or put back into the queue later, is never sent and gets none before its delivery
 * timeout.
 */
const LAST_REPORTS_MS = 1_000;
/** True of a record that no broker answered for within its delivery timeout. */
const isUnanswered = (outcome: Delivery): boolean =>
  outcome instanceof DeliveryError && outcome.code === kafka.CODES.ERRORS.ERR__MSG_TIMED_OUT;
const METADATA_TIMEOUT_MS = 2_000;

/** @param native a client that is connected */
export const wrapProducer = (native: RdKafka.Producer): ProducerClient => {
  const open = new Set<PendingSend>();
  const asked = new Map<string, Promise<RdKafka.Metadata | undefined>>();
  let failed = false;
  /** Since when no broker has answered a question, by the monotonic clock in milliseconds. */
  let unreachedSince = Infinity;
  let closed: Promise<void> | undefined;
  native.setPollInBackground(true);
  native.on('delivery-report', (error: unknown, report: DeliveryReport) => {
    const token: unknown = report.opaque;
    if (token instanceof DeliveryToken) {
      token.send.settle(token.index, error ? new DeliveryError(error, report.partition) : undefined);
    }
  });

  native.on('event.log', (event: LogEvent) => {
    if (event.fac !== FATAL_FACILITY) return;
    failed = true;
    const reason = new Error(event.message);
    setTimeout(() => {
      for (const pending of open) pending.abandon(reason);
    }, LAST_REPORTS_MS).unref();
  });

  const close = async (flushMs: number): Promise<void> => {
    await new Promise<void>((resolve) => {
      if (!native.isConnected()) {
        resolve();
        return;
      }
      // It flushes by itself, for five seconds when it is not told for how long.
      native.disconnect(flushMs, () => {
        resolve();
      });
    });
    for (const pending of open) pending.abandon();
  };

  /**
   * Nothing when no broker answers. One question about a topic at a time, for all who ask meanwhile: each takes one of the four
   * threads that also resolve names and write files, for as long as a broker hangs.
   */
  const metadataOf = (topic: string): Promise<RdKafka.Metadata | undefined> => {
    const known = asked.get(topic);
    if (known !== undefined) return known;
    const question = new Promise<RdKafka.Metadata | undefined>((resolve) => {
      native.getMetadata({ topic, timeout: METADATA_TIMEOUT_MS }, (error: unknown, metadata) => {
        resolve(error ? undefined : metadata);
      });
    }).finally(() => asked.delete(topic));
    asked.set(topic, question);
    return question;
  };

  return {
    hasFailed: () => failed,
    partitionCount: async (topic) => {
      const count = (await metadataOf(topic))?.topics.find(({ name }) => name === topic)?.partitions.length;
      return count === 0 ? undefined : count;
    },
    reachesBroker: async (topic) => {
      const isReached = (await metadataOf(topic)) !== undefined;
      if (isReached) unreachedSince = Infinity;
      else unreachedSince = Math.min(unreachedSince, performance.now());
      if (performance.now() - unreachedSince > SILENT_MS) failed = true;
      return isReached;
    },
    send: (topic, records, onDelivery) => {
      const pending = new PendingSend(records.length, onDelivery);
      open.add(pending);
      records.forEach(({ key, value, headers, partition = null }, index) => {
        try {
          native.produce(topic, partition, value, key, null, new DeliveryToken(pending, index), headers);
        } catch (error) {
          // Refused before it was queued: too large, queue full, disconnected, or the client has failed for good.
          if (isFatal(error)) failed = true;
          pending.settle(index, new DeliveryError(error));
        }
      });
      return pending.done.then(async (deliveries) => {
        open.delete(pending);
        // Its brokers are away, or it has forgotten them, which it does not notice itself: see `SILENT_MS` in native.ts.
        if (deliveries.some(isUnanswered) && (await metadataOf(topic)) === undefined) failed = true;
        return deliveries;
      });
    },
    disconnect: (flushMs) => (closed ??= close(flushMs)),
  };
};
