/** An indexer inside the test process, with topics and an index of its own. */
import { randomUUID } from 'node:crypto';
import kafka from '@confluentinc/kafka-javascript';
import { trace } from '@opentelemetry/api';
import { Registry } from 'prom-client';
import { createElasticsearch } from '../../services/platform/elasticsearch.ts';
import { createLogger, type Logger } from '../../services/platform/logger.ts';
import { readIndexerConfig } from '../../services/indexer/config.ts';
import { startIndexer, type Indexer } from '../../services/pipeline/consume/indexer.ts';
import { createIndexerMetrics } from '../../services/pipeline/consume/metrics.ts';
import { placeTask } from '../../services/task/env.ts';
import { createTestTopics, type TestTopicOptions, type TestTopics } from './kafka.ts';
import { sumOf } from './process.ts';
import { createTestIndex, type TestIndex } from './search-index.ts';
import { waitFor } from './wait.ts';
import type { IndexOptions } from '../../services/pipeline/index/search-index.ts';

export interface IndexerFixture {
  readonly topics: TestTopics;
  readonly index: TestIndex;
  readonly group: string;
  /** Settings that point a service at this fixture. */
  readonly env: Readonly<Record<string, string>>;
  /** Starts one more indexer in this process. */
  start(env?: Readonly<Record<string, string>>, options?: StartOptions): Promise<RunningIndexer>;
  /** The group as `ops lag` and the console see it. @throws while the broker knows none */
  describeGroup(): Promise<kafka.KafkaJS.GroupDescriptions['groups'][number]>;
  /** Waits until the group has committed everything in the topic. */
  settled(timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

export interface StartOptions {
  /** Asked for the brokers each time, as files are for a login: another answer is a renewal. */
  readonly brokers?: () => string;
  /** Logs nothing when not given. */
  readonly logger?: Logger;
  /** Aborts when the process begins to stop. */
  readonly signal?: AbortSignal;
}

export interface RunningIndexer extends Indexer {
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
}

export interface FixtureOptions {
  readonly kafkaBrokers: string;
  readonly elasticsearchUrl: string;
  readonly topics?: TestTopicOptions;
  readonly index?: Partial<IndexOptions>;
}

export const createIndexerFixture = async (options: FixtureOptions): Promise<IndexerFixture> => {
  const topics = await createTestTopics(options.kafkaBrokers, options.topics);
  const index = await createTestIndex(options.elasticsearchUrl, options.index);
  const group = `indexer-${randomUUID().slice(0, 8)}`;
  const env = {
    KAFKA_BROKERS: options.kafkaBrokers,
    ELASTICSEARCH_URL: options.elasticsearchUrl,
    TASKS_TOPIC: topics.tasks,
    DEAD_LETTER_TOPIC: topics.deadLetters,
    TASK_INDEX: index.alias,
    CONSUMER_GROUP: group,
    // Longer than this machine ever stands still: a test wants nothing read twice that nobody interrupted.
    SESSION_TIMEOUT_MS: '45000',
    LAG_INTERVAL_MS: '200',
    RETRY_MAX_MS: '500',
    // Each wait of a test is one for batches too.
    FRESHNESS_TARGET_MS: '100',
    LOG_LEVEL: 'warn',
  };
  const running: RunningIndexer[] = [];
  return {
    topics,
    index,
    group,
    env,
    start: async (extra = {}, { brokers, logger, signal = new AbortController().signal } = {}) => {
      const config = readIndexerConfig({ ...env, LOG_LEVEL: 'silent', ...extra });
      if (brokers !== undefined) Object.defineProperty(config, 'KAFKA_BROKERS', { enumerable: true, get: brokers });
      const registry = new Registry();
      const elasticsearch = createElasticsearch(config);
      const indexer = startIndexer({
        config,
        entity: placeTask(config),
        elasticsearch,
        logger: logger ?? createLogger({ service: 'indexer', level: config.LOG_LEVEL }),
        metrics: createIndexerMetrics(registry),
        tracer: trace.getTracer('test'),
        signal,
      });
      await indexer.running;
      let closed: Promise<void> | undefined;
      const started: RunningIndexer = {
        ...indexer,
        close: () => {
          closed ??= indexer.close().then(() => elasticsearch.close());
          return closed;
        },
        metric: async (name, labels = {}) => sumOf(await registry.metrics(), name, labels),
      };
      running.push(started);
      return started;
    },
    describeGroup: async () => {
      const admin = new kafka.KafkaJS.Kafka({ kafkaJS: { brokers: [options.kafkaBrokers] } }).admin();
      await admin.connect();
      try {
        const { groups } = await admin.describeGroups([group]);
        if (groups[0] === undefined) throw new Error('the broker knows no such group');
        return groups[0];
      } finally {
        await admin.disconnect();
      }
    },
    settled: async (timeoutMs = 60_000) => {
      const end = await topics.end();
      await waitFor(
        `the group to commit ${end} events`,
        async () => {
          const committed = await topics.committed(group);
          if (committed < end) throw new Error(`${committed} of ${end} committed`);
          return true;
        },
        { timeoutMs, intervalMs: 100 },
      );
    },
    close: async () => {
      await Promise.all(running.map((indexer) => indexer.close()));
      await topics.close();
      await index.close();
    },
  };
};
