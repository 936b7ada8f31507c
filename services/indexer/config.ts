/** The indexer's configuration. */
import { elasticsearchChecks, elasticsearchEnv } from '../platform/elasticsearch.ts';
import { integer, readEnv, type CrossCheck, type EnvSpec, type EnvValues } from '../platform/env.ts';
import { listenEnv } from '../platform/http/health.ts';
import { kafkaChecks, kafkaEnv } from '../platform/kafka/settings.ts';
import { lifecycleEnv } from '../platform/lifecycle.ts';
import { loggerEnv } from '../platform/logger.ts';
import { consumeEnv } from '../pipeline/consume/env.ts';
import { taskEnv } from '../task/env.ts';
import { PORTS } from '../task/resources.ts';
import { telemetryEnv } from '../platform/telemetry.ts';

export const indexerEnv = {
  ...kafkaEnv,
  ...elasticsearchEnv,
  ...telemetryEnv,
  ...loggerEnv,
  ...lifecycleEnv,
  ...listenEnv,
  ...taskEnv,
  ...consumeEnv,
  HEALTH_PORT: {
    schema: integer(PORTS.indexerHealth, { min: 0, max: 65_535 }),
    defaultText: String(PORTS.indexerHealth),
    description: 'Port of `/livez`, `/readyz` and `/metrics`.',
  },
} as const satisfies EnvSpec;

export type IndexerConfig = EnvValues<typeof indexerEnv>;

/** Time to confirm the last commit and to leave the group, after the batch in flight. */
const LEAVE_MS = 9_000;

const drainFits: CrossCheck<typeof indexerEnv> = ({ DRAIN_DEADLINE_MS, SHUTDOWN_DEADLINE_MS }) =>
  DRAIN_DEADLINE_MS > SHUTDOWN_DEADLINE_MS - LEAVE_MS
    ? { path: 'DRAIN_DEADLINE_MS', message: `must be at least ${LEAVE_MS} below SHUTDOWN_DEADLINE_MS` }
    : undefined;

/** @throws TaskstreamError `invalid_configuration` with every fault. */
export const readIndexerConfig = (env: NodeJS.ProcessEnv): IndexerConfig =>
  readEnv(indexerEnv, env, [...kafkaChecks, ...elasticsearchChecks, drainFits]);
