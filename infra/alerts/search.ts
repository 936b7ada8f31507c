/** Search itself. */
import type { RuleGroup, Series } from './rule.ts';

export const searchRules = (series: Series): RuleGroup => ({
  name: 'taskstream-search',
  rules: [
    {
      alert: 'TaskstreamSearchBreakerOpen',
      expr: `sum by (namespace) (${series('taskstream_search_breaker_open')}) > 0`,
      for: '1m',
      severity: 'critical',
      summary: 'Search answers 503',
      description:
        '{{ $value }} API replicas refuse searches at once because Elasticsearch fails. All other calls work.',
      runbook: 'search-breaker-open',
    },
  ],
});
