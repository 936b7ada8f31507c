/**
 * An idempotent producer that reports the outcome of each record.
 * It wraps librdkafka's own producer and not the promise-a-record layer above it: the relay must know exactly which
 * records of a chunk the broker has, and one promise for a thousand records is cheaper than a thousand.
 */
import type { RdKafka } from '@confluentinc/kafka-javascript';
import type { KafkaConfig } from './kafka.ts';
import { connectionSettings } from './kafka.ts';
import { connectPatiently, createNativeProducer, toError, type DeliveryReport } from './kafka-native.ts';
import type { Logger } from './logger.ts';

export interface ProducerRecord {
  readonly key: string | Buffer | null;
  /** Null makes a tombstone. */
  readonly value: Buffer | null;
  readonly headers: RdKafka.MessageHeader[];
}

/** Outcome of one record: nothing when the broker has it, or the reason why not. */
export type Delivery = Error | undefined;

export interface KafkaProducer {
  /**
   * Produces all records in order and waits until each is confirmed by all in-sync replicas or has failed.
   * Never rejects; a record that has failed may still have reached the broker.
   */
  send(topic: string, records: readonly ProducerRecord[]): Promise<readonly Delivery[]>;
  /** Waits `flushMs` at most for what is in flight, then disconnects; what is open then has failed. A second call waits too. */
  disconnect(flushMs: number): Promise<void>;
}

export interface ProducerOptions {
  readonly clientId: string;
  readonly logger: Logger;
  /** Bound on the delivery of one record, in milliseconds, broker outages included. */
  readonly deliveryTimeoutMs: number;
  /** Largest record in bytes. */
  readonly maxMessageBytes: number;
}

/** Collects the reports of one `send`; what was not reported counts as failed. */
class PendingSend {
  readonly deliveries: Delivery[];
  readonly done: Promise<readonly Delivery[]>;
  #open: number;
  #resolve: () => void = () => undefined;

  constructor(count: number) {
    this.deliveries = new Array<Delivery>(count).fill(new Error('the client was closed before the broker confirmed'));
    this.#open = count;
    this.done = new Promise((resolve) => {
      this.#resolve = () => {
        resolve(this.deliveries);
      };
    });
    if (count === 0) this.#resolve();
  }

  settle(index: number, error: Delivery): void {
    this.deliveries[index] = error;
    this.#open -= 1;
    if (this.#open === 0) this.#resolve();
  }

  /** Waits for no more reports: a client that was closed sends none. */
  abandon(): void {
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

const settings = (config: KafkaConfig, options: ProducerOptions): RdKafka.ProducerGlobalConfig => ({
  ...connectionSettings(config, options.clientId),
  'enable.idempotence': true,
  'compression.codec': 'lz4',
  'linger.ms': 2,
  'message.max.bytes': options.maxMessageBytes,
  dr_cb: true,
  event_cb: true,
  log_level: 4,
});

const topicSettings = (options: ProducerOptions): RdKafka.ProducerTopicConfig => ({
  acks: -1,
  'delivery.timeout.ms': options.deliveryTimeoutMs,
});

/**
 * Connects, retrying with backoff until a broker answers or `signal` aborts.
 * @throws the last connection error when `signal` aborts first.
 */
export const createProducer = async (
  config: KafkaConfig,
  options: ProducerOptions,
  signal: AbortSignal,
): Promise<KafkaProducer> => {
  const create = () => createNativeProducer(settings(config, options), topicSettings(options));
  return wrap(await connectPatiently('Kafka producer', create, options.logger, signal));
};

const wrap = (client: RdKafka.Producer): KafkaProducer => {
  const open = new Set<PendingSend>();
  client.setPollInBackground(true);
  client.on('delivery-report', (error: unknown, report: DeliveryReport) => {
    const token: unknown = report.opaque;
    if (token instanceof DeliveryToken) token.send.settle(token.index, error ? toError(error) : undefined);
  });
  let closed: Promise<void> | undefined;
  const close = async (flushMs: number): Promise<void> => {
    await new Promise<void>((resolve) => {
      if (!client.isConnected()) {
        resolve();
        return;
      }
      // It flushes by itself, for five seconds when it is not told for how long.
      client.disconnect(flushMs, () => {
        resolve();
      });
    });
    for (const pending of open) pending.abandon();
  };
  return {
    send: (topic, records) => {
      const pending = new PendingSend(records.length);
      open.add(pending);
      records.forEach(({ key, value, headers }, index) => {
        try {
          client.produce(topic, null, value, key, null, new DeliveryToken(pending, index), headers);
        } catch (error) {
          // Refused before it was queued: too large, queue full, or disconnected.
          pending.settle(index, toError(error));
        }
      });
      return pending.done.finally(() => open.delete(pending));
    },
    disconnect: (flushMs) => (closed ??= close(flushMs)),
  };
};

/** Headers in the binding's form: a list of single-key objects, in order. */
export const toHeaders = (headers: Readonly<Record<string, string>>): RdKafka.MessageHeader[] =>
  Object.entries(headers).map(([name, value]) => ({ [name]: value }));
