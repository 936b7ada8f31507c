/** Configuration of the one-shot commands that talk to the servers directly. */
import { taskEnv } from '../task/env.ts';
import { elasticsearchChecks, elasticsearchEnv } from '../platform/elasticsearch.ts';
import {
  flag,
  hostList,
  integer,
  optionalText,
  readEnv,
  text,
  url,
  type CrossCheck,
  type EnvSpec,
  type EnvValues,
} from '../platform/env.ts';
import { kafkaChecks, kafkaEnv, type KafkaConfig } from '../platform/kafka/settings.ts';
import { loggerEnv } from '../platform/logger.ts';
import { indexRefreshEnv } from '../pipeline/freshness.ts';
import { postgresEnv } from '../platform/postgres.ts';

/** What a new index is like, by these settings. */
export const indexOptions = (config: EnvValues<typeof indexEnv>) => ({
  shards: config.INDEX_SHARDS,
  replicas: config.INDEX_REPLICAS,
  gcDeletes: config.INDEX_GC_DELETES,
  refreshInterval: config.INDEX_REFRESH_INTERVAL,
});

/** Settings of a new index. */
const indexEnv = {
  INDEX_SHARDS: {
    schema: integer(1, { min: 1, max: 1_024 }),
    defaultText: '1',
    description: 'Primary shards of a new index.',
  },
  INDEX_REPLICAS: {
    schema: integer(0, { min: 0, max: 10 }),
    defaultText: '0',
    description: 'Replicas of each shard of a new index.',
  },
  ...indexRefreshEnv,
  INDEX_GC_DELETES: {
    schema: text()
      .regex(/^\d+[smhd]$/, { error: 'must be a time such as 60s, 12h or 1d' })
      .default('24h'),
    defaultText: '24h',
    description:
      "How long Elasticsearch keeps the versions of purged documents in a shard's memory. Deletions do not depend on it: their markers are documents.",
  },
} as const satisfies EnvSpec;

export const migrateEnv = {
  ...taskEnv,
  ...postgresEnv,
  ...elasticsearchEnv,
  ...loggerEnv,
  ...indexEnv,
  MIGRATE_DEADLINE_MS: {
    schema: integer(120_000, { min: 1_000, max: 3_600_000 }),
    defaultText: '120000',
    description: 'How long `ops migrate` waits for servers that do not answer, in milliseconds.',
  },
} as const satisfies EnvSpec;

export type MigrateConfig = EnvValues<typeof migrateEnv>;

/** @throws TaskstreamError `invalid_configuration` with every fault. */
export const readMigrateConfig = (env: NodeJS.ProcessEnv): MigrateConfig =>
  readEnv(migrateEnv, env, elasticsearchChecks);

export const reindexEnv = {
  ...taskEnv,
  ...postgresEnv,
  ...kafkaEnv,
  ...elasticsearchEnv,
  ...loggerEnv,
  ...indexEnv,
} as const satisfies EnvSpec;

export type ReindexConfig = EnvValues<typeof reindexEnv>;

/** @throws TaskstreamError `invalid_configuration` with every fault. */
export const readReindexConfig = (env: NodeJS.ProcessEnv): ReindexConfig =>
  readEnv(reindexEnv, env, [...kafkaChecks, ...elasticsearchChecks]);

export const verifyEnv = {
  ...taskEnv,
  ...postgresEnv,
  ...elasticsearchEnv,
  ...kafkaEnv,
  DELETION_RETENTION_DAYS: {
    schema: integer(30, { min: 1, max: 3_650 }),
    defaultText: '30',
    description:
      'How many days a deletion is final: an older event that arrives within them brings nothing back. `ops verify` then purges its marker in the index and its record in PostgreSQL.',
  },
  KAFKA_BROKERS: {
    schema: hostList().optional(),
    description:
      'Bootstrap brokers, `host:port`, comma-separated. Without them `ops verify` cannot ask how far the indexers are, and takes what differs for its whole grace for drift.',
  },
  ...loggerEnv,
} as const satisfies EnvSpec;

/** `kafka` is absent where no brokers are given. */
export type VerifyConfig = EnvValues<typeof verifyEnv> & { readonly kafka: KafkaConfig | undefined };

/** @throws TaskstreamError `invalid_configuration` with every fault. */
export const readVerifyConfig = (env: NodeJS.ProcessEnv): VerifyConfig => {
  const values = readEnv(verifyEnv, env, [
    ...elasticsearchChecks,
    ...kafkaChecks.map((check) => (values: EnvValues<typeof verifyEnv>) => check(kafkaOf(values, ''))),
  ]);
  const { KAFKA_BROKERS } = values;
  return { ...values, kafka: KAFKA_BROKERS === undefined ? undefined : kafkaOf(values, KAFKA_BROKERS) };
};

const kafkaOf = (values: EnvValues<typeof verifyEnv>, brokers: string): KafkaConfig => ({
  ...values,
  KAFKA_BROKERS: brokers,
});

/** For commands that look at the topics. */
export const topicsEnv = {
  ...taskEnv,
  ...kafkaEnv,
  ...loggerEnv,
} as const satisfies EnvSpec;

export type TopicsConfig = EnvValues<typeof topicsEnv>;

/** @throws TaskstreamError `invalid_configuration` with every fault. */
export const readTopicsConfig = (env: NodeJS.ProcessEnv): TopicsConfig => readEnv(topicsEnv, env, kafkaChecks);

/** For `ops restore`. */
export const restoreEnv = { ...taskEnv, ...postgresEnv, ...loggerEnv } as const satisfies EnvSpec;

/** @throws TaskstreamError `invalid_configuration` with every fault. */
export const readRestoreConfig = (env: NodeJS.ProcessEnv): EnvValues<typeof restoreEnv> => readEnv(restoreEnv, env);

/** For `ops events repartition`: the rows are published again by the outbox. */
export const repartitionEnv = { ...topicsEnv, ...postgresEnv } as const satisfies EnvSpec;

/** @throws TaskstreamError `invalid_configuration` with every fault. */
export const readRepartitionConfig = (env: NodeJS.ProcessEnv): EnvValues<typeof repartitionEnv> =>
  readEnv(repartitionEnv, env, kafkaChecks);

/** For `ops dlq`: the dead letters are in Kafka, what was done about them in PostgreSQL. */
export const deadLettersEnv = { ...taskEnv, ...kafkaEnv, ...postgresEnv, ...loggerEnv } as const satisfies EnvSpec;

export type DeadLettersConfig = EnvValues<typeof deadLettersEnv>;

/** @throws TaskstreamError `invalid_configuration` with every fault. */
export const readDeadLettersConfig = (env: NodeJS.ProcessEnv): DeadLettersConfig =>
  readEnv(deadLettersEnv, env, kafkaChecks);

export const outboxEnv = { ...postgresEnv } as const satisfies EnvSpec;

export type OutboxConfig = EnvValues<typeof outboxEnv>;

/** @throws TaskstreamError `invalid_configuration` with every fault. */
export const readOutboxConfig = (env: NodeJS.ProcessEnv): OutboxConfig => readEnv(outboxEnv, env);

/** For commands that go through the HTTP API: a client of its issuer of tokens. */
export const clientEnv = {
  TASKSTREAM_ISSUER: {
    schema: url(['https:', 'http:']).optional(),
    description:
      'The issuer that gives a client access tokens for the API (`AUTH_ISSUER` there). Its `/.well-known/openid-configuration` says where. `--token` and `TASKSTREAM_TOKEN` go first.',
  },
  TASKSTREAM_CLIENT_ID: {
    schema: optionalText(),
    description: 'The client, which the issuer must allow the grant `client_credentials`.',
  },
  TASKSTREAM_CLIENT_SECRET: {
    schema: optionalText(),
    description: "The client's secret.",
    secret: true,
  },
  TASKSTREAM_SCOPE: {
    schema: optionalText(),
    description: 'The scopes to ask for, with spaces in between; what the issuer gives by itself when not given.',
  },
  TASKSTREAM_AUDIENCE: {
    schema: optionalText(),
    description: 'Whom the tokens shall be for, where the issuer wants it as `audience`.',
  },
  TASKSTREAM_RESOURCE: {
    schema: optionalText(),
    description: 'The same, where the issuer wants it as `resource` (RFC 8707).',
  },
  TASKSTREAM_INSECURE_ISSUER: {
    schema: flag(false),
    defaultText: 'false',
    description:
      'Whether the issuer may be asked by HTTP without TLS: whoever is in between reads the secret. For tests.',
  },
} as const satisfies EnvSpec;

const together = ['TASKSTREAM_ISSUER', 'TASKSTREAM_CLIENT_ID', 'TASKSTREAM_CLIENT_SECRET'] as const;

const clientChecks: readonly CrossCheck<typeof clientEnv>[] = [
  ...together.map((path): CrossCheck<typeof clientEnv> => (values) => {
    const given = together.find((name) => values[name] !== undefined);
    return given === undefined || values[path] !== undefined
      ? undefined
      : { path, message: `is required with ${given}` };
  }),
  ({ TASKSTREAM_ISSUER, TASKSTREAM_INSECURE_ISSUER }) =>
    TASKSTREAM_ISSUER?.startsWith('http:') === true && !TASKSTREAM_INSECURE_ISSUER
      ? { path: 'TASKSTREAM_ISSUER', message: 'must be an https:// URL: the secret goes there' }
      : undefined,
];

/** @throws TaskstreamError `invalid_configuration` with every fault. */
export const readClientConfig = (env: NodeJS.ProcessEnv): EnvValues<typeof clientEnv> =>
  readEnv(clientEnv, env, clientChecks);
