/** The indexer's configuration. */
import { elasticsearchChecks, elasticsearchEnv } from '../platform/elasticsearch.ts';
import { integer, readEnv, text, type CrossCheck, type EnvSpec, type EnvValues } from '../platform/env.ts';
import { listenEnv } from '../platform/http/health.ts';
import { DEAD_LETTER_DELIVERY_TIMEOUT_MS, kafkaChecks, kafkaEnv } from '../platform/kafka/settings.ts';
import { lifecycleEnv } from '../platform/lifecycle.ts';
import { loggerEnv } from '../platform/logger.ts';
import { INDEXER_GROUP, PORTS } from '../task/resources.ts';
import { telemetryEnv } from '../platform/telemetry.ts';

export const indexerEnv = {
  ...kafkaEnv,
  ...elasticsearchEnv,
  ...telemetryEnv,
  ...loggerEnv,
  ...lifecycleEnv,
  ...listenEnv,
  HEALTH_PORT: {
    schema: integer(PORTS.indexerHealth, { min: 0, max: 65_535 }),
    defaultText: String(PORTS.indexerHealth),
    description: 'Port of `/livez`, `/readyz` and `/metrics`.',
  },
  CONSUMER_GROUP: {
    schema: text().default(INDEXER_GROUP),
    defaultText: INDEXER_GROUP,
    description: 'Consumer group of the indexers.',
  },
  BATCH_MAX_EVENTS: {
    schema: integer(1_000, { min: 1, max: 10_000 }),
    defaultText: '1000',
    description: 'Most events in a batch, and so in a bulk request.',
  },
  BATCH_LINGER_MS: {
    schema: integer(20, { min: 0, max: 1_000 }),
    defaultText: '20',
    description:
      'Shortest time from a batch that was not full to the next one, in milliseconds: under load fewer and larger ones. An event that comes alone is indexed at once.',
  },
  BULK_MAX_BYTES: {
    schema: integer(5_242_880, { min: 65_536, max: 104_857_600 }),
    defaultText: '5242880',
    description: 'Bound on the body of a bulk request, in bytes.',
  },
  FETCH_BUFFER_KBYTES: {
    schema: integer(16_384, { min: 1_024, max: 1_048_576 }),
    defaultText: '16384',
    description: 'Bound on what the Kafka client reads ahead, in KiB.',
  },
  SESSION_TIMEOUT_MS: {
    schema: integer(15_000, { min: 6_000, max: 300_000 }),
    defaultText: '15000',
    description: 'Time after which the group gives away the partitions of an indexer that died, in milliseconds.',
  },
  RETRY_MAX_MS: {
    schema: integer(5_000, { min: 100, max: 300_000 }),
    defaultText: '5000',
    description: 'Longest wait between two attempts while a server is down, in milliseconds.',
  },
  DRAIN_DEADLINE_MS: {
    schema: integer(15_000, { min: 100, max: 600_000 }),
    defaultText: '15000',
    description:
      'Time a batch in flight gets to finish when partitions are revoked or the process stops, in milliseconds.',
  },
  LAG_INTERVAL_MS: {
    schema: integer(5_000, { min: 100, max: 300_000 }),
    defaultText: '5000',
    description: 'How often the lag is asked for, in milliseconds.',
  },
  STALL_TIMEOUT_MS: {
    schema: integer(60_000, { min: 1_000, max: 3_600_000 }),
    defaultText: '60000',
    description:
      'Time without progress, while events wait, after which liveness fails, in milliseconds; longer than RETRY_MAX_MS and ELASTICSEARCH_TIMEOUT_MS together.',
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
