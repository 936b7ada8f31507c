/** Kafka: its configuration as environment variables, translated into librdkafka's settings in one place. */
import type { RdKafka } from '@confluentinc/kafka-javascript';
import { readFileSync } from 'node:fs';
import { readAuthority } from '../certificates.ts';
import { choice, flag, hostList, optionalText, url, type CrossCheck, type EnvSpec, type EnvValues } from '../env.ts';

/** As RFC 7628 has them: a name of letters, and a value of visible characters. */
const EXTENSIONS = /^[A-Za-z]+=[^,]+(,[A-Za-z]+=[^,]+)*$/;

export const kafkaEnv = {
  KAFKA_BROKERS: {
    schema: hostList(),
    description: 'Bootstrap brokers, `host:port`, comma-separated; an IPv6 address in brackets.',
  },
  KAFKA_TLS: { schema: flag(false), defaultText: 'false', description: 'Whether to connect to Kafka with TLS.' },
  KAFKA_CA_FILE: {
    schema: optionalText(),
    description:
      "PEM file with the CA of the brokers' certificates, or a folder, whose files `*.crt` are all trusted; the system's CAs when unset. A client is replaced by a new one when this or another file of its connection was renewed.",
  },
  KAFKA_CERT_FILE: { schema: optionalText(), description: 'PEM file with the client certificate, for mutual TLS.' },
  KAFKA_KEY_FILE: { schema: optionalText(), description: 'PEM file with the key of the client certificate.' },
  KAFKA_SASL_MECHANISM: {
    schema: choice(['none', 'PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'], 'none'),
    defaultText: 'none',
    description: 'SASL mechanism: none, PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER.',
  },
  KAFKA_SASL_USERNAME: { schema: optionalText(), description: 'SASL user.', secret: true },
  KAFKA_SASL_PASSWORD: { schema: optionalText(), description: 'SASL password.', secret: true },
  KAFKA_OAUTH_TOKEN_URL: {
    schema: url(['https:', 'http:']).optional(),
    description: 'OAUTHBEARER: where a token is given for client credentials (the token endpoint of OAuth 2.0).',
  },
  KAFKA_OAUTH_CLIENT_ID: {
    schema: optionalText(),
    description: 'OAUTHBEARER: the client at the token endpoint.',
    secret: true,
  },
  KAFKA_OAUTH_CLIENT_SECRET: {
    schema: optionalText(),
    description: "OAUTHBEARER: the client's secret at the token endpoint.",
    secret: true,
  },
  KAFKA_OAUTH_SCOPE: { schema: optionalText(), description: 'OAUTHBEARER: the scope to ask for, where one is needed.' },
  KAFKA_OAUTH_EXTENSIONS: {
    schema: optionalText().refine((value) => value === undefined || EXTENSIONS.test(value), {
      error: 'must be name=value pairs separated by commas',
    }),
    description: 'OAUTHBEARER: what the brokers want beside the token, `name=value`, comma-separated.',
  },
  KAFKA_OAUTH_CA_FILE: {
    schema: optionalText(),
    description: "PEM file with the CA of the token endpoint's certificate; the system's CAs when unset.",
  },
} as const satisfies EnvSpec;

export type KafkaConfig = EnvValues<typeof kafkaEnv>;

const OAUTH = [
  'KAFKA_OAUTH_TOKEN_URL',
  'KAFKA_OAUTH_CLIENT_ID',
  'KAFKA_OAUTH_CLIENT_SECRET',
  'KAFKA_OAUTH_SCOPE',
  'KAFKA_OAUTH_EXTENSIONS',
  'KAFKA_OAUTH_CA_FILE',
] as const;
/** Without these there is no token. */
const OAUTH_REQUIRED = OAUTH.slice(0, 3);

export const kafkaChecks: readonly CrossCheck<typeof kafkaEnv>[] = [
  (values) => {
    const missing = OAUTH_REQUIRED.filter((name) => values[name] === undefined);
    return values.KAFKA_SASL_MECHANISM === 'OAUTHBEARER' && missing.length > 0
      ? { path: 'KAFKA_SASL_MECHANISM', message: `OAUTHBEARER needs ${missing.join(', ')}` }
      : undefined;
  },
  (values) => {
    const surplus = OAUTH.filter((name) => values[name] !== undefined);
    return values.KAFKA_SASL_MECHANISM !== 'OAUTHBEARER' && surplus.length > 0
      ? { path: 'KAFKA_SASL_MECHANISM', message: `must be OAUTHBEARER where ${surplus.join(', ')} is given` }
      : undefined;
  },
  (values) =>
    values.KAFKA_SASL_MECHANISM === 'OAUTHBEARER' &&
    (values.KAFKA_SASL_USERNAME !== undefined || values.KAFKA_SASL_PASSWORD !== undefined)
      ? { path: 'KAFKA_SASL_USERNAME', message: 'OAUTHBEARER has no user and password: take both away' }
      : undefined,
  (values) =>
    values.KAFKA_SASL_MECHANISM !== 'none' &&
    values.KAFKA_SASL_MECHANISM !== 'OAUTHBEARER' &&
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
  | 'ssl.ca.pem'
  | 'ssl.certificate.location'
  | 'ssl.key.location'
  | 'sasl.mechanisms'
  | 'sasl.username'
  | 'sasl.password'
  | 'sasl.oauthbearer.method'
  | 'sasl.oauthbearer.token.endpoint.url'
  | 'sasl.oauthbearer.client.id'
  | 'sasl.oauthbearer.client.secret'
  | 'sasl.oauthbearer.scope'
  | 'sasl.oauthbearer.extensions'
  | 'https.ca.location'
>;

/** librdkafka's connection settings; names as in its CONFIGURATION.md. */
export const connectionSettings = (config: KafkaConfig, clientId: string): ConnectionSettings => {
  const sasl = config.KAFKA_SASL_MECHANISM !== 'none';
  return {
    'bootstrap.servers': config.KAFKA_BROKERS,
    'client.id': clientId,
    'security.protocol': config.KAFKA_TLS ? (sasl ? 'sasl_ssl' : 'ssl') : sasl ? 'sasl_plaintext' : 'plaintext',
    ...(config.KAFKA_CA_FILE === undefined ? {} : authoritySettings(config.KAFKA_CA_FILE)),
    ...(config.KAFKA_CERT_FILE === undefined ? {} : { 'ssl.certificate.location': config.KAFKA_CERT_FILE }),
    ...(config.KAFKA_KEY_FILE === undefined ? {} : { 'ssl.key.location': config.KAFKA_KEY_FILE }),
    ...(sasl ? saslSettings(config) : {}),
  };
};

/** librdkafka takes a folder for one of OpenSSL's, with names made of hashes. What we cannot read, it complains of. */
const authoritySettings = (path: string): Partial<ConnectionSettings> => {
  try {
    return { 'ssl.ca.pem': readAuthority(path).pem };
  } catch {
    return { 'ssl.ca.location': path };
  }
};

/**
 * All that a client is made of that may be renewed, as its files say now, to be compared; nothing while one of them cannot be read.
 * Source of what librdkafka reads when a client is made, and never again: its `rd_kafka_transport_ssl_ctx_init`.
 */
export const renewableSettings = (config: KafkaConfig): string | undefined => {
  try {
    const files = [config.KAFKA_CA_FILE, config.KAFKA_OAUTH_CA_FILE].map((file) =>
      file === undefined ? '' : readAuthority(file).pem,
    );
    const client = [config.KAFKA_CERT_FILE, config.KAFKA_KEY_FILE].map((file) =>
      file === undefined ? '' : readFileSync(file, 'utf8'),
    );
    return JSON.stringify([connectionSettings(config, ''), ...files, ...client]);
  } catch {
    return undefined;
  }
};

const saslSettings = (config: KafkaConfig): Partial<ConnectionSettings> =>
  config.KAFKA_SASL_MECHANISM === 'OAUTHBEARER'
    ? {
        'sasl.mechanisms': config.KAFKA_SASL_MECHANISM,
        // librdkafka fetches tokens by itself, on a thread of its own, and a new one before the old one ends.
        'sasl.oauthbearer.method': 'oidc',
        'sasl.oauthbearer.token.endpoint.url': config.KAFKA_OAUTH_TOKEN_URL ?? '',
        'sasl.oauthbearer.client.id': config.KAFKA_OAUTH_CLIENT_ID ?? '',
        'sasl.oauthbearer.client.secret': config.KAFKA_OAUTH_CLIENT_SECRET ?? '',
        ...(config.KAFKA_OAUTH_SCOPE === undefined ? {} : { 'sasl.oauthbearer.scope': config.KAFKA_OAUTH_SCOPE }),
        ...(config.KAFKA_OAUTH_EXTENSIONS === undefined
          ? {}
          : { 'sasl.oauthbearer.extensions': config.KAFKA_OAUTH_EXTENSIONS }),
        ...(config.KAFKA_OAUTH_CA_FILE === undefined ? {} : { 'https.ca.location': config.KAFKA_OAUTH_CA_FILE }),
      }
    : {
        'sasl.mechanisms': config.KAFKA_SASL_MECHANISM,
        'sasl.username': config.KAFKA_SASL_USERNAME ?? '',
        'sasl.password': config.KAFKA_SASL_PASSWORD ?? '',
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

/**
 * For clients that measure and do not read: to others a partition ends before the first record of a transaction that its
 * producer has not ended, and what waits behind that record would look as if it were not there.
 */
export const WITH_OPEN_TRANSACTIONS = { 'isolation.level': 'read_uncommitted' } as const;

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
