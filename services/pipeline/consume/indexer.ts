/** The indexer put together: dead-letter producer, processor, consumer, lag, watchdog and health. */
import { getHeapStatistics } from 'node:v8';
import type { Client } from '@elastic/elasticsearch';
import type { Tracer } from '@opentelemetry/api';
import { TaskstreamError } from '../../platform/errors.ts';
import type { HealthCheck } from '../../platform/http/health.ts';
import type { Logger } from '../../platform/logger.ts';
import { NO_RENEWALS, type Renewals } from '../../platform/renewals.ts';
import { createProducer, type KafkaProducer } from '../../platform/kafka/producer.ts';
import { createBulkWriter } from '../index/bulk.ts';
import { DEAD_LETTER_DELIVERY_TIMEOUT_MS, type KafkaConfig } from '../../platform/kafka/settings.ts';
import type { PlacedEntity } from '../entity.ts';
import { createMappingGate } from '../index/mapping-gate.ts';
import { createRefresher } from '../index/refresher.ts';
import { indexerWaitMs, refreshEveryMs, indexRefreshMs } from '../freshness.ts';
import { MAX_EVENT_BYTES } from '../topics.ts';
import type { ConsumeConfig } from './env.ts';
import { GroupConsumer } from './consumer.ts';
import { createSearchableMeter } from './searchable.ts';
import { createDeadLetterWriter } from '../dead-letters/writer.ts';
import { joinGroup } from './group-client.ts';
import { monitorLag } from './lag.ts';
import { memoryShortage } from './memory.ts';
import type { IndexerMetrics } from './metrics.ts';
import { createBatchProcessor } from './process-batch.ts';
import { createRetryStatus } from './retry-status.ts';
import { createWatchdog } from './watchdog.ts';

export interface IndexerOptions {
  readonly config: KafkaConfig & ConsumeConfig;
  readonly entity: PlacedEntity;
  readonly elasticsearch: Client;
  readonly logger: Logger;
  readonly metrics: IndexerMetrics;
  readonly tracer: Tracer;
  readonly renewals?: Renewals;
  /** Aborts when the process begins to stop, so that waiting for Kafka at the start ends. */
  readonly signal: AbortSignal;
}

export interface Indexer {
  readonly health: { readonly live: readonly HealthCheck[]; readonly ready: readonly HealthCheck[] };
  /** Rejects when the indexer cannot go on; resolves when it has begun to read, or was stopped before. */
  readonly running: Promise<void>;
  /** Finishes and commits the batch in flight, and leaves the group. */
  readonly close: () => Promise<void>;
}

/** Starts to connect in the background; Kafka and Elasticsearch may come up later. */
export const startIndexer = (options: IndexerOptions): Indexer => {
  const { config, entity, elasticsearch, logger, metrics, tracer, renewals = NO_RENEWALS, signal } = options;
  const watchdog = createWatchdog(config.STALL_TIMEOUT_MS);
  const backoff = { baseMs: 100, maxMs: config.RETRY_MAX_MS };
  const statusOf = (target: string) =>
    createRetryStatus({
      entity: entity.name,
      target,
      metrics,
      logger,
      onAttempt: watchdog.progress,
      alertAttempts: config.RETRY_ALERT_ATTEMPTS,
    });
  const searchStatus = statusOf('elasticsearch');
  const deadLetterStatus = statusOf('kafka');
  const newerStatus = statusOf('newer code');
  metrics.begin(entity.name);
  const tooLittle = memoryShortage(config, getHeapStatistics().heap_size_limit, process.constrainedMemory());
  if (tooLittle !== undefined) logger.warn(tooLittle);
  const { FRESHNESS_TARGET_MS, FRESHNESS_OBJECTIVE_MS } = config;
  // A refresh may have begun just before a change was written.
  if (FRESHNESS_OBJECTIVE_MS < 2 * FRESHNESS_TARGET_MS) {
    logger.warn(
      { FRESHNESS_OBJECTIVE_MS, FRESHNESS_TARGET_MS },
      'FRESHNESS_OBJECTIVE_MS is less than twice FRESHNESS_TARGET_MS: under load most changes count as late',
    );
  }
  const stopped = new AbortController();
  const searchable = createSearchableMeter({
    indexRefreshMs: indexRefreshMs(config.INDEX_REFRESH_INTERVAL),
    observe: (tookMs) => {
      metrics.eventToSearchable.observe({ entity: entity.name }, tookMs / 1_000);
      if (tookMs > config.FRESHNESS_OBJECTIVE_MS) metrics.late.inc({ entity: entity.name });
    },
  });
  const refresher = createRefresher({
    client: elasticsearch,
    alias: entity.alias,
    everyMs: refreshEveryMs(config.FRESHNESS_TARGET_MS),
    onRefreshed: searchable.refreshed,
    logger,
  });
  let producer: KafkaProducer | undefined;
  let consumer: GroupConsumer | undefined;

  const run = async (): Promise<void> => {
    producer = await createProducer(
      config,
      {
        clientId: 'taskstream-indexer-dead-letters',
        renewals,
        logger,
        deliveryTimeoutMs: DEAD_LETTER_DELIVERY_TIMEOUT_MS,
        maxMessageBytes: 2 * MAX_EVENT_BYTES,
      },
      signal,
    );
    const reader = new GroupConsumer({
      entity,
      processor: createBatchProcessor({
        entity: entity.name,
        topic: entity.topic,
        bulk: createBulkWriter({
          client: elasticsearch,
          alias: entity.alias,
          gate: createMappingGate(elasticsearch, entity),
          maxBytes: config.BULK_MAX_BYTES,
          backoff,
          onRetry: searchStatus.onRetry,
          onRequest: watchdog.progress,
        }),
        deadLetters: createDeadLetterWriter({
          producer,
          topic: entity.deadLetterTopic,
          backoff,
          onRetry: deadLetterStatus.onRetry,
        }),
        searchable,
        newer: { backoff, onRetry: newerStatus.onRetry },
        metrics,
        tracer,
        logger,
      }),
      metrics,
      logger,
      maxBatchEvents: config.BATCH_MAX_EVENTS,
      maxBatchBytes: config.BULK_MAX_BYTES,
      waitMs: indexerWaitMs(config.FRESHNESS_TARGET_MS),
      drainDeadlineMs: config.DRAIN_DEADLINE_MS,
      onProgress: watchdog.progress,
      onCaughtUp: refresher.request,
      onDone: () => {
        for (const status of [searchStatus, deadLetterStatus, newerStatus]) status.onDone();
      },
    });
    await reader.start(async (listener) => {
      const client = await joinGroup(config, entity, listener, logger, signal, renewals);
      void monitorLag(
        {
          entity: entity.name,
          client,
          positions: () => reader.positions,
          intervalMs: config.LAG_INTERVAL_MS,
          metrics,
          logger,
          onLag: watchdog.observe,
        },
        stopped.signal,
      );
      return client;
    });
    consumer = reader;
  };

  const running = run().catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  return {
    running,
    health: {
      live: [{ name: 'progress', check: watchdog.check }],
      ready: [
        {
          name: 'kafka',
          check: () => {
            const reason = consumer === undefined ? 'Kafka was not reached yet' : consumer.outsideReason;
            if (reason !== undefined) throw new TaskstreamError('broker_unavailable', reason);
          },
        },
        { name: 'elasticsearch', check: searchStatus.check },
        { name: 'dead letters', check: deadLetterStatus.check },
        { name: 'newer events', check: newerStatus.check },
      ],
    },
    close: async () => {
      stopped.abort();
      refresher.close();
      await running.catch(() => undefined);
      await consumer?.close();
      await producer?.disconnect(1_000);
    },
  };
};
