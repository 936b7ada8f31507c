/** An idempotent producer that reports the outcome of each record, and replaces a client that can deliver no more. */
import type { RdKafka } from '@confluentinc/kafka-javascript';
import type { KafkaConfig } from './settings.ts';
import { connectionSettings } from './settings.ts';
import { createNativeProducer, toError } from './native.ts';
import { followRenewals, make } from './renewal.ts';
import type { Logger } from '../logger.ts';
import { NO_RENEWALS, type Renewals } from '../renewals.ts';
import {
  wrapProducer,
  type Delivery,
  type OnDelivery,
  type ProducerClient,
  type ProducerRecord,
} from './producer-client.ts';

export { DeliveryError, type Delivery, type ProducerRecord } from './producer-client.ts';

export interface KafkaProducer {
  /**
   * Produces all records in order and waits until each is confirmed by all in-sync replicas or has failed.
   * Never rejects; a record that has failed may still have reached the broker.
   * @param onDelivery called for each record as soon as its outcome is known, while others are in flight
   */
  send(topic: string, records: readonly ProducerRecord[], onDelivery?: OnDelivery): Promise<readonly Delivery[]>;
  /** How many partitions a topic has; nothing when no broker answers, or there is no such topic. */
  partitionCount(topic: string): Promise<number | undefined>;
  /** Whether a broker answers a question about that topic, be it there or not. */
  reachesBroker(topic: string): Promise<boolean>;
  /** Waits `flushMs` at most for what is in flight, then disconnects; what is open then has failed. A second call waits too. */
  disconnect(flushMs: number): Promise<void>;
}

export interface ProducerOptions {
  readonly clientId: string;
  readonly logger: Logger;
  /** Bound on the delivery of one record, in milliseconds, broker outages included; a new client has as long to connect. */
  readonly deliveryTimeoutMs: number;
  /** Largest record in bytes. */
  readonly maxMessageBytes: number;
  /** True gives each record a request of its own: the answer is then about this record and no other. */
  readonly isAlone?: boolean;
  readonly renewals?: Renewals;
}

interface Current {
  readonly client: ProducerClient;
  readonly from: string | undefined;
}

/** What the client is made with; every delivery is confirmed by all in-sync replicas. */
export const producerSettings = (config: KafkaConfig, options: ProducerOptions): RdKafka.ProducerGlobalConfig => ({
  ...connectionSettings(config, options.clientId),
  'enable.idempotence': true,
  'compression.codec': 'lz4',
  'linger.ms': 2,
  'message.max.bytes': options.maxMessageBytes,
  ...(options.isAlone === true ? { 'batch.num.messages': 1 } : {}),
  dr_cb: true,
  event_cb: true,
  log_level: 4,
});

export const topicSettings = (options: ProducerOptions): RdKafka.ProducerTopicConfig => ({
  acks: -1,
  'delivery.timeout.ms': options.deliveryTimeoutMs,
});

/**
 * Connects, retrying with backoff until a broker answers or `signal` aborts.
 * A client can fail for good while the service is well, as when its right to write comes later than the service (KIP-679
 * asks for it when the producer begins), or when it has forgotten its brokers (`SILENT_MS`). The next call after that
 * begins with a new client.
 * A client whose certificates or login were renewed is replaced once a new one is connected, between two calls of `send`: the new one sends
 * nothing before the old one has its answers, as records of one key must keep their order.
 * @throws the last connection error when `signal` aborts first.
 */
export const createProducer = async (
  config: KafkaConfig,
  options: ProducerOptions,
  signal: AbortSignal,
): Promise<KafkaProducer> => {
  const create = () => createNativeProducer(producerSettings(config, options), topicSettings(options));
  const connect = async (until: AbortSignal): Promise<Current> => {
    const { client, from } = await make('Kafka producer', config, create, options.logger, until);
    return { client: wrapProducer(client), from };
  };

  const closing = new AbortController();
  let { client, from } = await connect(signal);
  let replacing: Promise<void> | undefined;
  const open = new Set<Promise<unknown>>();

  const replace = async (): Promise<void> => {
    options.logger.warn('the Kafka producer reaches no broker or may not go on: a new one takes its place');
    await client.disconnect(0);
    const timeout = AbortSignal.timeout(options.deliveryTimeoutMs);
    const fresh = await connect(AbortSignal.any([signal, closing.signal, timeout]));
    if (closing.signal.aborted) await fresh.client.disconnect(0);
    else ({ client, from } = fresh);
  };

  /** What takes the place of a client that has failed; nothing while it works, so that a record is sent before anything else happens. */
  const replacement = (): Promise<void> | undefined => {
    if (client.hasFailed() && !closing.signal.aborted) {
      replacing ??= replace().finally(() => {
        replacing = undefined;
      });
    }
    return closing.signal.aborted ? undefined : replacing;
  };

  /** One attempt. What replaces a client that has failed meanwhile is as new: `followRenewals` looks at what it was made of. */
  const renew = async (): Promise<boolean> => {
    const fresh = await connect(AbortSignal.abort());
    const old = client;
    if (replacing === undefined) {
      replacing = Promise.all(open)
        .then(() => {
          if (!closing.signal.aborted) ({ client, from } = fresh);
        })
        .finally(() => {
          replacing = undefined;
        });
      await replacing;
    }
    const hasReplaced = client === fresh.client;
    await (hasReplaced ? old : fresh.client).disconnect(0);
    return hasReplaced;
  };

  const sendNow = async (...args: Parameters<KafkaProducer['send']>): Promise<readonly Delivery[]> => {
    const sending = client.send(...args);
    open.add(sending);
    try {
      return await sending;
    } finally {
      open.delete(sending);
    }
  };

  const { clientId, renewals = NO_RENEWALS, logger } = options;
  void followRenewals(
    config,
    { name: clientId, madeFrom: () => from, renew },
    renewals,
    logger,
    AbortSignal.any([signal, closing.signal]),
  );

  return {
    partitionCount: (topic) => client.partitionCount(topic),
    reachesBroker: async (topic) => {
      await replacement()?.catch(() => undefined);
      return client.reachesBroker(topic);
    },
    send: async (topic, records, onDelivery) => {
      const replaced = replacement();
      if (replaced !== undefined) {
        try {
          await replaced;
        } catch (error) {
          const reason = toError(error);
          records.forEach((_, index) => onDelivery?.(index, reason));
          return records.map(() => reason);
        }
      }
      return sendNow(topic, records, onDelivery);
    },
    disconnect: (flushMs) => {
      closing.abort();
      return client.disconnect(flushMs);
    },
  };
};

/** Headers in the binding's form: a list of single-key objects, in order. */
export const toHeaders = (headers: Readonly<Record<string, string>>): RdKafka.MessageHeader[] =>
  Object.entries(headers).map(([name, value]) => ({ [name]: value }));
