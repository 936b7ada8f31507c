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
