/**
 * One producer of librdkafka and what became of each record given to it.
 * It wraps librdkafka's own producer and not the promise-a-record layer above it: the relay must know exactly which
 * records of a chunk the broker has, and one promise for a thousand records is cheaper than a thousand.
 */
import kafka from '@confluentinc/kafka-javascript';
import type { RdKafka } from '@confluentinc/kafka-javascript';
import { toError, type DeliveryReport, type LogEvent } from './native.ts';

export interface ProducerRecord {
  readonly key: string | Buffer | null;
  /** Null makes a tombstone. */
  readonly value: Buffer | null;
  readonly headers: RdKafka.MessageHeader[];
}

/** Outcome of one record: nothing when the broker has it, or the reason why not. */
export type Delivery = Error | undefined;

export interface ProducerClient {
  /** As `KafkaProducer` has it. */
  send(topic: string, records: readonly ProducerRecord[]): Promise<readonly Delivery[]>;
  /** As `KafkaProducer` has it. */
  disconnect(flushMs: number): Promise<void>;
  /** True once it was seen that this client will never again take a record. */
  readonly hasFailed: () => boolean;
}

const CLOSED = new Error('the client was closed before the broker confirmed');

/** Collects the reports of one `send`; what was not reported counts as failed. */
class PendingSend {
  readonly done: Promise<readonly Delivery[]>;
  readonly #deliveries: Delivery[];
  #open: number;
  #resolve: () => void = () => undefined;

  constructor(count: number) {
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
    // Given up already, and told so.
    if (this.#open === 0) return;
    this.#deliveries[index] = outcome;
    this.#open -= 1;
    if (this.#open === 0) this.#resolve();
  }

  /** Waits for no more reports: a client that was closed sends none. */
  abandon(reason = CLOSED): void {
    this.#deliveries.forEach((outcome, index) => {
      if (outcome === CLOSED) this.#deliveries[index] = reason;
    });
    this.#open = 0;
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
const isFatal = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === kafka.CODES.ERRORS.ERR__FATAL;

/**
 * How it is told when nothing is being produced; the binding hands the same error to `event.error` without its code.
 * Source: librdkafka, rdkafka.c, `rd_kafka_set_fatal_error0`.
 */
export const FATAL_FACILITY = 'FATAL';
/**
 * What is queued fails at once after a fatal error, and what is in flight has this long for its report. A record that
 * was queued in that very moment, or put back into the queue later, is never sent and gets none before its delivery
 * timeout.
 */
const LAST_REPORTS_MS = 1_000;

/** @param native a client that is connected */
export const wrapProducer = (native: RdKafka.Producer): ProducerClient => {
  const open = new Set<PendingSend>();
  let failed = false;
  let closed: Promise<void> | undefined;
  native.setPollInBackground(true);
  native.on('delivery-report', (error: unknown, report: DeliveryReport) => {
    const token: unknown = report.opaque;
    if (token instanceof DeliveryToken) token.send.settle(token.index, error ? toError(error) : undefined);
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

  return {
    hasFailed: () => failed,
    send: (topic, records) => {
      const pending = new PendingSend(records.length);
      open.add(pending);
      records.forEach(({ key, value, headers }, index) => {
        try {
          native.produce(topic, null, value, key, null, new DeliveryToken(pending, index), headers);
        } catch (error) {
          // Refused before it was queued: too large, queue full, disconnected, or the client has failed for good.
          if (isFatal(error)) failed = true;
          pending.settle(index, toError(error));
        }
      });
      return pending.done.finally(() => open.delete(pending));
    },
    disconnect: (flushMs) => (closed ??= close(flushMs)),
  };
};
