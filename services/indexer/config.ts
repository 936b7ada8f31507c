/** The indexer's configuration. */
import { elasticsearchChecks, elasticsearchEnv } from '../platform/elasticsearch.ts';
import { integer, readEnv, type CrossCheck, type EnvSpec, type EnvValues } from '../platform/env.ts';
import { listenEnv } from '../platform/http/health.ts';
import { DEAD_LETTER_DELIVERY_TIMEOUT_MS, kafkaChecks, kafkaEnv } from '../platform/kafka/settings.ts';
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

/**
 * A server that is away must not look like a stall, which a restart heals: between two attempts at it passes the longest
 * wait, and then the time in which the attempt itself may go without an answer.
 */
const attemptsShow: CrossCheck<typeof indexerEnv> = (values) => {
  const { STALL_TIMEOUT_MS, RETRY_MAX_MS, ELASTICSEARCH_TIMEOUT_MS } = values;
  const silentMs = RETRY_MAX_MS + Math.max(ELASTICSEARCH_TIMEOUT_MS, DEAD_LETTER_DELIVERY_TIMEOUT_MS);
  return STALL_TIMEOUT_MS > silentMs
    ? undefined
    : {
        path: 'STALL_TIMEOUT_MS',
        message: `must be above ${silentMs} (RETRY_MAX_MS, and ELASTICSEARCH_TIMEOUT_MS or the ${DEAD_LETTER_DELIVERY_TIMEOUT_MS} ms of a dead letter): a server that is away would restart the indexer, which does not bring it back`,
      };
};

/** Two questions to the broker, which each may take five seconds. */
const LAG_ANSWER_MS = 10_000;

/** Events count as waiting until the next answer about the lag, although they were handled long before it. */
const lagIsFresh: CrossCheck<typeof indexerEnv> = ({ STALL_TIMEOUT_MS, LAG_INTERVAL_MS }) =>
  STALL_TIMEOUT_MS > LAG_INTERVAL_MS + LAG_ANSWER_MS
    ? undefined
    : {
        path: 'LAG_INTERVAL_MS',
        message: `must be at least ${LAG_ANSWER_MS} below STALL_TIMEOUT_MS: an old lag would look like events that nobody handles`,
      };

/** @throws TaskstreamError `invalid_configuration` with every fault. */
export const readIndexerConfig = (env: NodeJS.ProcessEnv): IndexerConfig =>
  readEnv(indexerEnv, env, [...kafkaChecks, ...elasticsearchChecks, drainFits, attemptsShow, lagIsFresh]);
