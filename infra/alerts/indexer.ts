/** The indexers: whether they do anything, and whether the servers take what they write. */
import type { RuleGroup, Series } from './rule.ts';

export const indexerRules = (series: Series): RuleGroup => {
  const retrying = (target: string) =>
    `sum by (namespace) (${series('taskstream_indexer_retrying_operations', `target="${target}"`)}) > 0`;
  return {
    name: 'taskstream-indexer',
    rules: [
      {
        alert: 'TaskstreamNoProgress',
        // Waiting for a server is no stall: there are alerts of their own for that.
        expr: `sum by (namespace, pod) (${series('taskstream_indexer_lag_events')}) > 0 and on (namespace, pod) sum by (namespace, pod) (increase(${series('taskstream_indexer_events_total')}[5m])) == 0 unless on (namespace, pod) sum by (namespace, pod) (${series('taskstream_indexer_retrying_operations')}) > 0`,
        for: '3m',
        severity: 'critical',
        summary: 'An indexer does nothing although events wait',
        description:
          '{{ $labels.pod }} has {{ $value }} events waiting in its partitions and settled none in 5 minutes.',
        runbook: 'no-progress',
      },
      {
        alert: 'TaskstreamNothingIndexed',
        // It needs no figure of an indexer: there may be none, or none that has a place in its group.
        expr: `sum by (namespace) (rate(${series('taskstream_relay_published_total')}[5m])) > 0 unless on (namespace) sum by (namespace) (increase(${series('taskstream_indexer_events_total')}[5m])) > 0`,
        for: '5m',
        severity: 'critical',
        summary: 'Changes are published, and no indexer settles any',
        description: '{{ $value | humanize }} events a second are published, and none was settled in 5 minutes.',
        runbook: 'no-progress',
      },
      {
        alert: 'TaskstreamIndexerThrownOut',
        expr: `sum by (namespace, pod) (increase(${series('taskstream_indexer_rebalances_total', 'kind="lost"')}[30m])) > 1`,
        for: '0m',
        severity: 'warning',
        summary: 'The consumer group throws an indexer out again and again',
        description:
          '{{ $labels.pod }} lost its partitions {{ $value | humanize }} times within 30 minutes. Each time some events are read twice, which does no harm but costs time.',
        runbook: 'no-progress',
      },
      {
        alert: 'TaskstreamElasticsearchRefusesWrites',
        expr: retrying('elasticsearch'),
        for: '5m',
        severity: 'critical',
        summary: 'Elasticsearch does not take writes: search falls behind',
        description: '{{ $value }} writes are tried again and again. Nothing is lost; they wait, and lag grows.',
        runbook: 'elasticsearch',
      },
      {
        alert: 'TaskstreamRetriesWithoutEnd',
        expr: `max by (namespace, target) (${series('taskstream_indexer_retry_alert')}) > 0`,
        for: '0m',
        severity: 'critical',
        summary: 'The same events are tried again and again: somebody must look',
        description:
          'Writes to {{ $labels.target }} were tried RETRY_ALERT_ATTEMPTS times. None is given up; they wait, and lag grows.',
        runbook: 'no-progress',
      },
      {
        alert: 'TaskstreamDeadLettersRefused',
        expr: retrying('kafka'),
        for: '5m',
        severity: 'critical',
        summary: 'Kafka does not take dead letters: their partitions wait',
        description: '{{ $value }} dead letters are tried again and again; what comes behind them waits.',
        runbook: 'broker-lost',
      },
      {
        alert: 'TaskstreamReindexPending',
        expr: `max by (namespace, entity) (${series('taskstream_index_reindex_pending')}) > 0`,
        for: '1h',
        severity: 'warning',
        summary: 'The index keeps parts of an older mapping',
        description:
          '{{ $value }} fields of the {{ $labels.entity }} are mapped as in an older version: searches find what they found before.',
        runbook: 'bad-mapping',
      },
      {
        alert: 'TaskstreamCommitsFail',
        expr: `sum by (namespace) (increase(${series('taskstream_indexer_commit_failures_total')}[5m])) > 0`,
        // A rebalance refuses commits for a moment; that is no fault.
        for: '10m',
        severity: 'warning',
        summary: 'Kafka refuses the commits of indexers',
        description:
          '{{ $value | humanize }} commits were refused within 5 minutes. After a restart these events are read once more.',
        runbook: 'broker-lost',
      },
    ],
  };
};
