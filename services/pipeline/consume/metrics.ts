/** What the indexer tells Prometheus; each series names its entity. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { POISON_CODES } from '../../platform/errors.ts';

/**
 * Fates of an event; `superseded` means that a newer version of the same id came in the same batch, and `tombstone` that
 * the record was one, carried out or without a version.
 */
export const EVENT_OUTCOMES = ['indexed', 'deleted', 'stale', 'superseded', 'tombstone', 'dead_letter'] as const;
export type EventOutcome = (typeof EVENT_OUTCOMES)[number];

/** What happens to partitions; `lost` means that the group gave them away without asking. */
export const REBALANCE_KINDS = ['assigned', 'revoked', 'lost'] as const;
export type RebalanceKind = (typeof REBALANCE_KINDS)[number];

export type IndexerMetrics = ReturnType<typeof createIndexerMetrics>;

export const createIndexerMetrics = (registry: Registry) => {
  const registers = [registry];
  const events = new Counter({
    name: 'taskstream_indexer_events_total',
    help: 'Events by what became of them.',
    labelNames: ['entity', 'outcome'],
    registers,
  });
  const deadLetters = new Counter({
    name: 'taskstream_indexer_dead_letters_total',
    help: 'Events written to the dead-letter topic, by reason.',
    labelNames: ['entity', 'reason'],
    registers,
  });
  const rebalances = new Counter({
    name: 'taskstream_indexer_rebalances_total',
    help: 'Assignments and revocations of partitions.',
    labelNames: ['entity', 'kind'],
    registers,
  });
  const commitFailures = new Counter({
    name: 'taskstream_indexer_commit_failures_total',
    help: 'Commits the broker refused; the events are read again, and found stale.',
    labelNames: ['entity'],
    registers,
  });
  const late = new Counter({
    name: 'taskstream_indexer_changes_late_total',
    help: 'Changes that were found later than FRESHNESS_OBJECTIVE_MS after they were made.',
    labelNames: ['entity'],
    registers,
  });
  const eventToSearchable = new Histogram({
    name: 'taskstream_indexer_event_to_searchable_seconds',
    help: 'Time from the change in the database until search finds it.',
    labelNames: ['entity'],
    buckets: [0.03, 0.1, 0.3, 0.6, 1, 1.5, 2.5, 5, 10, 30, 100, 1_000],
    registers,
  });
  return {
    /** Shows an entity's series from the beginning: one that is missing until its first event cannot be alerted on. */
    begin: (entity: string): void => {
      for (const outcome of EVENT_OUTCOMES) events.inc({ entity, outcome }, 0);
      for (const reason of POISON_CODES) deadLetters.inc({ entity, reason }, 0);
      for (const kind of REBALANCE_KINDS) rebalances.inc({ entity, kind }, 0);
      commitFailures.inc({ entity }, 0);
      late.inc({ entity }, 0);
      eventToSearchable.zero({ entity });
    },
    events,
    deadLetters,
    late,
    batchEvents: new Histogram({
      name: 'taskstream_indexer_batch_events',
      help: 'Events in a batch.',
      labelNames: ['entity'],
      buckets: [1, 3, 10, 30, 100, 300, 1_000, 3_000],
      registers,
    }),
    batchDuration: new Histogram({
      name: 'taskstream_indexer_batch_duration_seconds',
      help: 'Time from taking a batch until all its outcomes are final.',
      labelNames: ['entity'],
      buckets: [0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100],
      registers,
    }),
    eventToIndexed: new Histogram({
      name: 'taskstream_indexer_event_to_indexed_seconds',
      help: 'Time from the change in the database until Elasticsearch acknowledged its document.',
      labelNames: ['entity'],
      buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 1_000],
      registers,
    }),
    eventToSearchable,
    retries: new Counter({
      name: 'taskstream_indexer_retries_total',
      help: 'Waits before another attempt, by the server that was not ready.',
      labelNames: ['entity', 'target'],
      registers,
    }),
    retrying: new Gauge({
      name: 'taskstream_indexer_retrying_operations',
      help: 'Operations that wait for another attempt, by the server that was not ready.',
      labelNames: ['entity', 'target'],
      registers,
    }),
    retryAlert: new Gauge({
      name: 'taskstream_indexer_retry_alert',
      help: '1 once the same operations were tried RETRY_ALERT_ATTEMPTS times, until they go through.',
      labelNames: ['entity', 'target'],
      registers,
    }),
    lag: new Gauge({
      name: 'taskstream_indexer_lag_events',
      help: 'Events between the committed offset and the end of each assigned partition.',
      labelNames: ['entity', 'partition'],
      registers,
    }),
    assigned: new Gauge({
      name: 'taskstream_indexer_assigned_partitions',
      help: 'Partitions this process reads.',
      labelNames: ['entity'],
      registers,
    }),
    buffered: new Gauge({
      name: 'taskstream_indexer_buffered_events',
      help: 'Events read from Kafka that wait for the batch in flight.',
      labelNames: ['entity'],
      registers,
    }),
    rebalances,
    commitFailures,
  };
};
