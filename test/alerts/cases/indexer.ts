import { NS, type AlertCase } from '../support/case.ts';

const on = (metric: string, ...labels: string[]) => `${metric}{${[NS, 'pod="a"', ...labels].join(',')}}`;
const lag = on('taskstream_indexer_lag_events', 'partition="0"');
const settled = on('taskstream_indexer_events_total', 'outcome="indexed"');
const retrying = (target: string) => on('taskstream_indexer_retrying_operations', `target="${target}"`);
const retryAlert = (target: string) => on('taskstream_indexer_retry_alert', `target="${target}"`);
const lost = on('taskstream_indexer_rebalances_total', 'kind="lost"');
const refused = on('taskstream_indexer_commit_failures_total');
const published = `taskstream_relay_published_total{${NS},pod="api",entity="task"}`;

export const indexerAlerts: readonly AlertCase[] = [
  {
    alert: 'TaskstreamNoProgress',
    firing: {
      series: { [lag]: '40x20', [settled]: '100x20', [retrying('elasticsearch')]: '0x20' },
      at: '12m',
      labels: { pod: 'a' },
      description: 'a has 40 events waiting in its partitions and settled none in 5 minutes.',
    },
    quiet: {
      'events are settled': {
        series: { [lag]: '40x20', [settled]: '100+1x20', [retrying('elasticsearch')]: '0x20' },
        at: '12m',
      },
      'nothing waits': {
        series: { [lag]: '0x20', [settled]: '100x20', [retrying('elasticsearch')]: '0x20' },
        at: '12m',
      },
      'it waits for Elasticsearch': {
        series: { [lag]: '40x20', [settled]: '100x20', [retrying('elasticsearch')]: '40x20' },
        at: '12m',
      },
    },
  },
  {
    alert: 'TaskstreamNothingIndexed',
    firing: {
      // An indexer that has no place in its group: it runs, has no lag series, and settles nothing.
      series: { [published]: '0+120x20', [settled]: '100x20' },
      at: '12m',
      description: '2 events a second are published, and none was settled in 5 minutes.',
    },
    quiet: {
      'an indexer settles': { series: { [published]: '0+120x20', [settled]: '0+1x20' }, at: '12m' },
      'the topic is quiet, and the indexer sleeps': { series: { [published]: '50x20' }, at: '12m' },
    },
  },
  {
    alert: 'TaskstreamNothingIndexed',
    firing: {
      // No indexer runs at all.
      series: { [published]: '0+120x20' },
      at: '12m',
      description: '2 events a second are published, and none was settled in 5 minutes.',
    },
    quiet: {},
  },
  {
    alert: 'TaskstreamRetriesWithoutEnd',
    firing: {
      series: { [retryAlert('newer code')]: '0x5 1x5', [retryAlert('kafka')]: '0x10' },
      at: '7m',
      labels: { target: 'newer code' },
      description:
        'Writes to newer code were tried RETRY_ALERT_ATTEMPTS times. None is given up; they wait, and lag grows.',
    },
    quiet: { 'few attempts were made': { series: { [retryAlert('elasticsearch')]: '0x20' }, at: '10m' } },
  },
  {
    alert: 'TaskstreamIndexerThrownOut',
    firing: {
      series: { [lost]: '0x10 1x10 2x10 3x10' },
      at: '35m',
      labels: { pod: 'a' },
      description:
        'a lost its partitions 3 times within 30 minutes. Each time some events are read twice, which does no harm but costs time.',
    },
    quiet: {
      once: { series: { [lost]: '0x10 1x30' }, at: '35m' },
      'partitions move at a scaling step': {
        series: { [lost]: '0x40', [on('taskstream_indexer_rebalances_total', 'kind="revoked"')]: '0+1x40' },
        at: '35m',
      },
    },
  },
  {
    alert: 'TaskstreamElasticsearchRefusesWrites',
    firing: {
      series: { [retrying('elasticsearch')]: '250x20', [retrying('kafka')]: '0x20' },
      at: '10m',
      description: '250 writes are tried again and again. Nothing is lost; they wait, and lag grows.',
    },
    quiet: {
      'one attempt failed': { series: { [retrying('elasticsearch')]: '0 0 0 0 0 0 250 0 250 0 0' }, at: '10m' },
      'only dead letters wait': {
        series: { [retrying('elasticsearch')]: '0x20', [retrying('kafka')]: '3x20' },
        at: '10m',
      },
    },
  },
  {
    alert: 'TaskstreamDeadLettersRefused',
    firing: {
      series: { [retrying('kafka')]: '3x20' },
      at: '10m',
      description: '3 dead letters are tried again and again; what comes behind them waits.',
    },
    quiet: { 'they are written': { series: { [retrying('kafka')]: '0x20' }, at: '10m' } },
  },
  {
    alert: 'TaskstreamReindexPending',
    firing: {
      series: { [on('taskstream_index_reindex_pending', 'entity="task"')]: '0x5 1x100' },
      at: '90m',
      labels: { entity: 'task' },
      description: '1 fields of the task are mapped as in an older version: searches find what they found before.',
    },
    quiet: {
      'a reindex follows the rollout': {
        series: { [on('taskstream_index_reindex_pending', 'entity="task"')]: '1x30 0x60' },
        at: '70m',
      },
    },
  },
  {
    alert: 'TaskstreamCommitsFail',
    firing: {
      series: { [refused]: '0+4x30' },
      at: '20m',
      description: '20 commits were refused within 5 minutes. After a restart these events are read once more.',
    },
    quiet: { 'a rebalance refuses some': { series: { [refused]: '0x5 3x25' }, at: '20m' } },
  },
];
