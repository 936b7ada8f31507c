/** Search falls behind: events wait in Kafka. */
import { LagScaler } from '../constructs/lag-scaler.ts';
import type { RuleGroup, Series } from './rule.ts';

/** Below it a backlog is gone within a second or two, and its ups and downs mean nothing. */
const SMALL_LAG_EVENTS = 1_000;
const MAX_DELAY_SECONDS = 30;

export const LAG = 'taskstream:indexer_lag_events:sum';
const AUTOSCALER = `horizontalpodautoscaler="${LagScaler.autoscaler}"`;

export const lagRules = (series: Series): RuleGroup => {
  const lag = series(LAG);
  const current = series('kube_horizontalpodautoscaler_status_current_replicas', AUTOSCALER);
  const most = series('kube_horizontalpodautoscaler_spec_max_replicas', AUTOSCALER);
  return {
    name: 'taskstream-lag',
    rules: [
      {
        record: LAG,
        // While a partition changes hands, two indexers may report it.
        expr: `sum by (namespace) (max by (namespace, partition) (${series('taskstream_indexer_lag_events')}))`,
      },
      {
        alert: 'TaskstreamLagGrowsAtMaximum',
        expr: `${lag} > ${SMALL_LAG_EVENTS} and deriv(${lag}[10m]) > 0 and on (namespace) (${current} >= on (namespace, horizontalpodautoscaler) ${most})`,
        for: '10m',
        severity: 'critical',
        summary: 'Search falls further behind, and no indexer can be added',
        description:
          '{{ $value | humanize }} events wait and become more, with as many indexers as there are partitions.',
        runbook: 'lag-grows',
      },
      {
        alert: 'TaskstreamLagDoesNotDrain',
        expr: `min_over_time(${lag}[15m]) > ${SMALL_LAG_EVENTS} and deriv(${lag}[15m]) >= 0`,
        for: '5m',
        severity: 'warning',
        summary: 'Search stays behind',
        description:
          'At least {{ $value | humanize }} events have been waiting for 15 minutes, and do not become fewer.',
        runbook: 'lag-grows',
      },
      {
        alert: 'TaskstreamIndexedLate',
        expr: `histogram_quantile(0.9, sum by (namespace, le) (rate(${series('taskstream_indexer_event_to_indexed_seconds_bucket')}[10m]))) > ${MAX_DELAY_SECONDS}`,
        for: '10m',
        severity: 'warning',
        summary: 'Changes show in search late',
        description: 'One change in ten takes {{ $value | humanizeDuration }} or longer until search finds it.',
        runbook: 'lag-grows',
      },
    ],
  };
};
