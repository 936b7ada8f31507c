/** Configuration of the one-shot commands that talk to the servers directly. */
import { indexerEnv } from '../indexer/config.ts';
import { elasticsearchChecks, elasticsearchEnv } from '../shared/elasticsearch.ts';
import { integer, readEnv, text, type EnvSpec, type EnvValues } from '../shared/env.ts';
import { kafkaChecks, kafkaEnv } from '../shared/kafka.ts';
import { loggerEnv } from '../shared/logger.ts';
import { postgresEnv } from '../shared/postgres.ts';

export const migrateEnv = {
  ...postgresEnv,
  ...elasticsearchEnv,
  ...loggerEnv,
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
  INDEX_REFRESH_INTERVAL: {
    schema: text()
      .regex(/^\d+(ms|s)$/, { error: 'must be a time such as 500ms or 1s' })
      .default('1s'),
    defaultText: '1s',
    description: 'Time until an indexed change shows in search.',
  },
  INDEX_GC_DELETES: {
    schema: text()
      .regex(/^\d+[smhd]$/, { error: 'must be a time such as 60s, 12h or 1d' })
      .default('24h'),
    defaultText: '24h',
    description:
      'How long the version of a deleted document stays known; an older update that arrives within it changes nothing.',
  },
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

/** For commands that look at the topics. */
export const topicsEnv = {
  ...kafkaEnv,
  ...loggerEnv,
  CONSUMER_GROUP: indexerEnv.CONSUMER_GROUP,
} as const satisfies EnvSpec;

export type TopicsConfig = EnvValues<typeof topicsEnv>;

/** @throws TaskstreamError `invalid_configuration` with every fault. */
export const readTopicsConfig = (env: NodeJS.ProcessEnv): TopicsConfig => readEnv(topicsEnv, env, kafkaChecks);

/** For `ops dlq`: the letters are in Kafka, what was done about them in PostgreSQL. */
export const deadLettersEnv = { ...kafkaEnv, ...postgresEnv, ...loggerEnv } as const satisfies EnvSpec;

export type DeadLettersConfig = EnvValues<typeof deadLettersEnv>;

/** @throws TaskstreamError `invalid_configuration` with every fault. */
export const readDeadLettersConfig = (env: NodeJS.ProcessEnv): DeadLettersConfig =>
  readEnv(deadLettersEnv, env, kafkaChecks);

export const outboxEnv = { ...postgresEnv } as const satisfies EnvSpec;

export type OutboxConfig = EnvValues<typeof outboxEnv>;

/** @throws TaskstreamError `invalid_configuration` with every fault. */
export const readOutboxConfig = (env: NodeJS.ProcessEnv): OutboxConfig => readEnv(outboxEnv, env);
