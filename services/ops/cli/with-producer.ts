/** A producer for the length of a command. */
import type { KafkaConfig } from '../../platform/kafka/settings.ts';
import type { Logger } from '../../platform/logger.ts';
import { createProducer, type KafkaProducer } from '../../platform/kafka/producer.ts';
import { MAX_EVENT_BYTES } from '../../pipeline/topics.ts';

export interface WithProducerOptions {
  readonly logger: Logger;
  /** Bound on the delivery of one record, in milliseconds: one that is not confirmed by then has failed. */
  readonly deliveryTimeoutMs: number;
  readonly signal: AbortSignal;
}

const CONNECT_DEADLINE_MS = 20_000;
const FLUSH_MS = 1_000;

/** Connects, and closes whatever happens. @throws the last connection error when no broker answers */
export const withProducer = async <T>(
  config: KafkaConfig,
  { logger, deliveryTimeoutMs, signal }: WithProducerOptions,
  use: (producer: KafkaProducer) => Promise<T>,
): Promise<T> => {
  const producer = await createProducer(
    config,
    { clientId: 'taskstream-ops', logger, deliveryTimeoutMs, maxMessageBytes: MAX_EVENT_BYTES },
    AbortSignal.any([signal, AbortSignal.timeout(CONNECT_DEADLINE_MS)]),
  );
  try {
    return await use(producer);
  } finally {
    await producer.disconnect(FLUSH_MS);
  }
};
