/** Settings of a consumer and of its writes to the index. */
import { choice, integer, type EnvSpec, type EnvValues } from '../../platform/env.ts';
import { freshnessEnv, indexRefreshEnv } from '../freshness.ts';

export const consumeEnv = {
  ...freshnessEnv,
  ...indexRefreshEnv,
  FRESHNESS_OBJECTIVE_MS: {
    schema: integer(5_000, { min: 20, max: 3_600_000 }),
    defaultText: '5000',
    description:
      'How soon 99 of 100 changes must be found, in milliseconds: what takes longer is counted as late, and alerts measure by it.',
  },
  BATCH_MAX_EVENTS: {
    schema: integer(1_000, { min: 1, max: 10_000 }),
    defaultText: '1000',
    description: 'Most events in a batch, and so in a bulk request.',
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
    description:
      'Time after which the group gives away the partitions of an indexer that died, in milliseconds. With `GROUP_PROTOCOL=consumer` the brokers say it: `group.consumer.session.timeout.ms`.',
  },
  GROUP_PROTOCOL: {
    schema: choice(['classic', 'consumer'], 'classic'),
    defaultText: 'classic',
    description:
      'Who gives partitions to the members of the group: one of them (`classic`), or the broker (`consumer`, KIP-848), which moves them without a pause of all. May differ between members while they are replaced.',
  },
  RETRY_MAX_MS: {
    schema: integer(5_000, { min: 100, max: 300_000 }),
    defaultText: '5000',
    description: 'Longest wait between two attempts while a server is down, in milliseconds.',
  },
  RETRY_ALERT_ATTEMPTS: {
    schema: integer(100, { min: 1, max: 100_000 }),
    defaultText: '100',
    description:
      'Attempts at the same writes after which the log and an alert call a person. No event is given up by it: attempts go on.',
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

export type ConsumeConfig = EnvValues<typeof consumeEnv>;
