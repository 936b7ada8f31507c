/** A relay in the test's own process, and its metrics. */
import { trace } from '@opentelemetry/api';
import { Registry } from 'prom-client';
import type { PlacedEntity } from '../../services/pipeline/entity.ts';
import { createRelayMetrics } from '../../services/pipeline/relay/metrics.ts';
import { startRelay, type Relay, type RelayOptions } from '../../services/pipeline/relay/relay.ts';
import { readEnv } from '../../services/platform/env.ts';
import { kafkaEnv } from '../../services/platform/kafka/settings.ts';
import { createLogger } from '../../services/platform/logger.ts';
import { postgresEnv } from '../../services/platform/postgres.ts';
import { placeTask, taskEnv } from '../../services/task/env.ts';
import type { TestTopics } from './kafka.ts';

export interface TestRelay extends Relay {
  /** Sum of a metric's values, of one entity where it is named. */
  readonly metric: (name: string, entity?: string) => Promise<number>;
}

export interface TestRelayOptions {
  readonly databaseUrl: string;
  readonly brokers: string;
  readonly topics: TestTopics;
  /** Beside the tasks. */
  readonly others?: readonly PlacedEntity[];
  readonly settings?: Partial<Pick<RelayOptions['config'], 'RELAY_BATCH_SIZE' | 'RELAY_LANES'>>;
}

export const startTestRelay = ({
  databaseUrl,
  brokers,
  topics,
  others = [],
  settings,
}: TestRelayOptions): TestRelay => {
  const env = { DATABASE_URL: databaseUrl, KAFKA_BROKERS: brokers, TASKS_TOPIC: topics.tasks };
  const registry = new Registry();
  const relay = startRelay({
    config: {
      ...readEnv(postgresEnv, env),
      ...readEnv(kafkaEnv, env),
      RELAY_BATCH_SIZE: 500,
      RELAY_LANES: 1,
      RELAY_MAX_BYTES: 4_194_304,
      FRESHNESS_TARGET_MS: 400,
      RELAY_POLL_MS: 50,
      ...settings,
    },
    entities: [placeTask(readEnv(taskEnv, env)), ...others],
    logger: createLogger({ service: 'relay', level: 'silent' }),
    metrics: createRelayMetrics(registry),
    tracer: trace.getTracer('test'),
  });
  return {
    ...relay,
    metric: async (name, entity) => {
      const { values } = (await registry.getSingleMetric(name)?.get()) ?? { values: [] };
      const own = values.filter(({ labels }) => entity === undefined || labels.entity === entity);
      return own.reduce((sum, { value }) => sum + value, 0);
    },
  };
};
