/** Search, and Elasticsearch as the services see it. */
import { rate, series, warnAt, type Row } from './panel.ts';

const SEARCH = 'route="/tasks/search"';

export const search: Row = {
  title: 'Search',
  panels: [
    {
      title: 'Searches by status',
      description: 'A second. 503 is the circuit breaker, or Elasticsearch itself.',
      kind: 'timeseries',
      unit: 'reqps',
      runbook: 'search-breaker-open',
      queries: [{ expr: `sum by (status) (${rate('taskstream_http_requests_total', SEARCH)})`, legend: '{{status}}' }],
    },
    {
      title: 'Replicas with an open breaker',
      description:
        'They refuse searches at once, so that a slow Elasticsearch does not slow everything down. Should be none.',
      kind: 'stat',
      unit: 'short',
      thresholds: [{ value: 1, colour: 'red' }],
      runbook: 'search-breaker-open',
      queries: [{ expr: `sum(${series('taskstream_search_breaker_open')})`, legend: 'open' }],
    },
    {
      title: 'Search time, 95th percentile',
      description: 'Of the whole request.',
      kind: 'timeseries',
      unit: 's',
      thresholds: warnAt(0.3, 1),
      runbook: 'elasticsearch',
      queries: [
        {
          expr: `histogram_quantile(0.95, sum by (le) (${rate('taskstream_http_request_duration_seconds_bucket', SEARCH)}))`,
          legend: 'search',
        },
      ],
    },
    {
      title: 'Writes that wait for a server',
      description:
        'Operations that an indexer tries again, by the server that does not take them. Nothing is lost meanwhile.',
      kind: 'timeseries',
      unit: 'short',
      thresholds: [{ value: 1, colour: 'red' }],
      runbook: 'elasticsearch',
      queries: [
        { expr: `sum by (target) (${series('taskstream_indexer_retrying_operations')})`, legend: '{{target}}' },
        {
          expr: `sum by (target) (${rate('taskstream_indexer_retries_total')})`,
          legend: '{{target}} attempts a second',
        },
      ],
    },
  ],
};
