/** From Kafka to Elasticsearch. */
import { quantile, rate, series, warnAt, type Row } from './panel.ts';

export const indexer: Row = {
  title: 'Indexer',
  panels: [
    {
      title: 'From the change to the index',
      description: 'Time from the commit in PostgreSQL until Elasticsearch acknowledged the document.',
      kind: 'timeseries',
      unit: 's',
      thresholds: warnAt(3, 30),
      runbook: 'lag-grows',
      queries: [
        { expr: quantile(0.5, 'taskstream_indexer_event_to_indexed_seconds'), legend: 'half' },
        { expr: quantile(0.99, 'taskstream_indexer_event_to_indexed_seconds'), legend: '99 of 100' },
      ],
    },
    {
      title: 'From the change to search',
      description: 'Time from the commit in PostgreSQL until the refresh of the index that shows the change.',
      kind: 'timeseries',
      unit: 's',
      thresholds: warnAt(5, 30),
      runbook: 'lag-grows',
      queries: [
        { expr: quantile(0.5, 'taskstream_indexer_event_to_searchable_seconds'), legend: 'half' },
        { expr: quantile(0.99, 'taskstream_indexer_event_to_searchable_seconds'), legend: '99 of 100' },
      ],
    },
    {
      title: 'Changes that were found late',
      description: 'Share of the changes that search found later than FRESHNESS_OBJECTIVE_MS. May be 1 of 100.',
      kind: 'timeseries',
      unit: 'percentunit',
      thresholds: warnAt(0.01, 0.06),
      runbook: 'lag-grows',
      queries: [
        {
          expr: `sum(${rate('taskstream_indexer_changes_late_total')}) / sum(${rate('taskstream_indexer_event_to_searchable_seconds_count')})`,
          legend: 'late',
        },
      ],
    },
    {
      title: 'Events by what became of them',
      description: 'Events a second. `stale` and `superseded` were overtaken by a newer version, which is no fault.',
      kind: 'timeseries',
      unit: 'ops',
      queries: [{ expr: `sum by (outcome) (${rate('taskstream_indexer_events_total')})`, legend: '{{outcome}}' }],
    },
    {
      title: 'Time for a batch, 99th percentile',
      description: 'From taking a batch until all its outcomes are final, waits for servers included.',
      kind: 'timeseries',
      unit: 's',
      thresholds: warnAt(3, 30),
      runbook: 'elasticsearch',
      queries: [{ expr: quantile(0.99, 'taskstream_indexer_batch_duration_seconds'), legend: 'batch' }],
    },
    {
      title: 'Events in a batch',
      description: 'On average. Full batches mean that the indexer is the one that others wait for.',
      kind: 'timeseries',
      unit: 'short',
      queries: [
        {
          expr: `sum(${rate('taskstream_indexer_batch_events_sum')}) / sum(${rate('taskstream_indexer_batch_events_count')})`,
          legend: 'events',
        },
      ],
    },
    {
      title: 'Partitions and buffers of each indexer',
      description: 'Partitions it reads, and events it has read ahead.',
      kind: 'timeseries',
      unit: 'short',
      queries: [
        { expr: series('taskstream_indexer_assigned_partitions'), legend: '{{pod}} partitions' },
        { expr: series('taskstream_indexer_buffered_events'), legend: '{{pod}} buffered' },
      ],
    },
    {
      title: 'Rebalances and refused commits',
      description:
        'A second. They come with every scaling step and every rollout; `lost` means that an indexer was thrown out.',
      kind: 'timeseries',
      unit: 'ops',
      runbook: 'no-progress',
      queries: [
        { expr: `sum by (kind) (${rate('taskstream_indexer_rebalances_total')})`, legend: 'partitions {{kind}}' },
        { expr: `sum(${rate('taskstream_indexer_commit_failures_total')})`, legend: 'commits refused' },
      ],
    },
  ],
};
