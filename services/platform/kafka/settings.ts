/** Kafka: its configuration as environment variables, translated into librdkafka's settings in one place. */
import type { RdKafka } from '@confluentinc/kafka-javascript';
import { choice, flag, hostList, optionalText, type CrossCheck, type EnvSpec, type EnvValues } from '../env.ts';

export const kafkaEnv = {
  KAFKA_BROKERS: {
    schema: hostList(),
    description: 'Bootstrap brokers, `host:port`, comma-separated; an IPv6 address in brackets.',
  },
  KAFKA_TLS: { schema: flag(false), defaultText: 'false', description: 'Whether to connect to Kafka with TLS.' },
  KAFKA_CA_FILE: {
    schema: optionalText(),
    description: "PEM file with the CA of the brokers' certificates; the system's CAs when unset.",
  },
  KAFKA_CERT_FILE: { schema: optionalText(), description: 'PEM file with the client certificate, for mutual TLS.' },
  KAFKA_KEY_FILE: { schema: optionalText(), description: 'PEM file with the key of the client certificate.' },
  KAFKA_SASL_MECHANISM: {
    schema: choice(['none', 'PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'], 'none'),
    defaultText: 'none',
    description: 'SASL mechanism: none, PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.',
  },
  KAFKA_SASL_USERNAME: { schema: optionalText(), description: 'SASL user.' },
  KAFKA_SASL_PASSWORD: { schema: optionalText(), description: 'SASL password.', secret: true },
} as const satisfies EnvSpec;

export type KafkaConfig = EnvValues<typeof kafkaEnv>;

export const kafkaChecks: readonly CrossCheck<typeof kafkaEnv>[] = [
  (values) =>
    values.KAFKA_SASL_MECHANISM !== 'none' &&
    (values.KAFKA_SASL_USERNAME === undefined || values.KAFKA_SASL_PASSWORD === undefined)
      ? {
          path: 'KAFKA_SASL_MECHANISM',
          message: `${values.KAFKA_SASL_MECHANISM} needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD`,
        }
      : undefined,
  (values) =>
    (values.KAFKA_CERT_FILE === undefined) === (values.KAFKA_KEY_FILE === undefined)
      ? undefined
      : { path: 'KAFKA_KEY_FILE', message: 'KAFKA_CERT_FILE and KAFKA_KEY_FILE go together' },
  (values) =>
    !values.KAFKA_TLS && (values.KAFKA_CA_FILE !== undefined || values.KAFKA_CERT_FILE !== undefined)
      ? { path: 'KAFKA_TLS', message: 'must be true when a CA or a client certificate is given' }
      : undefined,
];

/** Bound on the delivery of a dead letter, in milliseconds: it must get its answer before a drain gives up on it. */
export const DEAD_LETTER_DELIVERY_TIMEOUT_MS = 10_000;

type ConnectionSettings = Pick<
  RdKafka.ProducerGlobalConfig,
  | 'bootstrap.servers'
  | 'client.id'
  | 'security.protocol'
  | 'ssl.ca.location'
  | 'ssl.certificate.location'
  | 'ssl.key.location'
  | 'sasl.mechanisms'
  | 'sasl.username'
  | 'sasl.password'
>;

/** librdkafka's connection settings; names as in its CONFIGURATION.md. */
export const connectionSettings = (config: KafkaConfig, clientId: string): ConnectionSettings => {
  const sasl = config.KAFKA_SASL_MECHANISM !== 'none';
  return {
    'bootstrap.servers': config.KAFKA_BROKERS,
    'client.id': clientId,
    'security.protocol': config.KAFKA_TLS ? (sasl ? 'sasl_ssl' : 'ssl') : sasl ? 'sasl_plaintext' : 'plaintext',
    ...(config.KAFKA_CA_FILE === undefined ? {} : { 'ssl.ca.location': config.KAFKA_CA_FILE }),
    ...(config.KAFKA_CERT_FILE === undefined ? {} : { 'ssl.certificate.location': config.KAFKA_CERT_FILE }),
    ...(config.KAFKA_KEY_FILE === undefined ? {} : { 'ssl.key.location': config.KAFKA_KEY_FILE }),
    ...(sasl
      ? {
          'sasl.mechanisms': config.KAFKA_SASL_MECHANISM,
          'sasl.username': config.KAFKA_SASL_USERNAME ?? '',
          'sasl.password': config.KAFKA_SASL_PASSWORD ?? '',
        }
      : {}),
  };
};

/** Most bytes of one response of a broker, compressed; a record that is larger still comes, alone. */
const FETCH_MAX_BYTES = 65_536;
/** What LZ4, with which the relay compresses, makes of a byte at most. */
const MAX_EXPANSION = 255;
/** What one response holds uncompressed at most, in bytes. */
export const MAX_RESPONSE_BYTES = FETCH_MAX_BYTES * MAX_EXPANSION;

/**
 * Bounds of what a consumer reads ahead. The client's defaults allow 64 MiB, and 50 MiB more for one response.
 * The queue is measured uncompressed, but a response compressed, so it is bounded tightly. `message.max.bytes` is here
 * because the client raises `fetch.max.bytes` to it.
 * @param queueKbytes bound on the queue, in KiB
 */
export const fetchBounds = (queueKbytes: number) =>
  ({
    'queued.max.messages.kbytes': queueKbytes,
    'fetch.message.max.bytes': FETCH_MAX_BYTES / 4,
    'fetch.max.bytes': FETCH_MAX_BYTES,
    'message.max.bytes': FETCH_MAX_BYTES,
  }) satisfies RdKafka.ConsumerGlobalConfig;

/** Bound on what a reader without a group holds, in KiB. */
const READER_QUEUE_KBYTES = 16_384;

/**
 * Settings of a consumer that joins no group: partitions are assigned by hand, and nothing is committed by itself.
 * @param group the client demands one; its coordinator is looked for, so an ACL has to allow it
 */
export const assignedConsumerSettings = (
  config: KafkaConfig,
  clientId: string,
  group: string,
): RdKafka.ConsumerGlobalConfig => ({
  ...connectionSettings(config, clientId),
  'group.id': group,
  'enable.auto.commit': false,
  'enable.auto.offset.store': false,
  'allow.auto.create.topics': false,
  // The end of a compacted partition need not hold a record: only the broker can tell that it is reached.
  'enable.partition.eof': true,
  // As the indexer's, for the same reason: what is read ahead stays bounded.
  ...fetchBounds(READER_QUEUE_KBYTES),
  // After the read-ahead was full: the default of a second would leave a fast reader without work.
  'fetch.queue.backoff.ms': 50,
  log_level: 4,
  event_cb: true,
});
