/** What callers of the API notice. */
import type { RuleGroup, Series } from './rule.ts';

const MAX_ERROR_RATIO = 0.01;
/** One failed request on a quiet night is no reason to call anybody. */
const MIN_ERRORS = 5;
const SLOW_SECONDS = 1;

export const apiRules = (series: Series): RuleGroup => {
  const errors = series('taskstream_http_requests_total', 'status=~"5.."');
  const all = series('taskstream_http_requests_total');
  return {
    name: 'taskstream-api',
    rules: [
      {
        alert: 'TaskstreamApiErrors',
        expr: `sum by (namespace, route) (rate(${errors}[5m])) / sum by (namespace, route) (rate(${all}[5m])) > ${MAX_ERROR_RATIO} and sum by (namespace, route) (increase(${errors}[5m])) > ${MIN_ERRORS}`,
        for: '3m',
        severity: 'critical',
        summary: 'Calls of the API fail',
        description: '{{ $value | humanizePercentage }} of the calls to {{ $labels.route }} answer 5xx.',
        runbook: 'api-errors',
      },
      {
        alert: 'TaskstreamApiSlow',
        expr: `histogram_quantile(0.99, sum by (namespace, route, le) (rate(${series('taskstream_http_request_duration_seconds_bucket')}[5m]))) > ${SLOW_SECONDS}`,
        for: '10m',
        severity: 'warning',
        summary: 'Calls of the API are slow',
        description: 'One call in a hundred to {{ $labels.route }} takes {{ $value | humanizeDuration }} or longer.',
        runbook: 'api-errors',
      },
      {
        alert: 'TaskstreamCommitsWait',
        expr: `max by (namespace) (${series('taskstream_database_commits_waiting')}) > 0`,
        for: '1m',
        severity: 'critical',
        summary: 'Writes are refused: PostgreSQL waits for a standby',
        description:
          '{{ $value }} commits of a replica wait for a synchronous standby that does not confirm. Reads, search and publication go on.',
        runbook: 'standby-away',
      },
    ],
  };
};
