/** Search falls behind: events wait in Kafka. */
import { LagScaler } from '../constructs/lag-scaler.ts';
import type { RuleGroup, Series } from './rule.ts';

/** Below it a backlog is gone within a second or two, and its ups and downs mean nothing. */
const SMALL_LAG_EVENTS = 1_000;
/** What waits is no backlog while it is settled within this: each indexer gathers for up to a second by FRESHNESS_TARGET_MS. */
const SMALL_LAG_SECONDS = 5;
const MAX_DELAY_SECONDS = 30;
/** Of all changes, those that may be found late. */
const LATE_BUDGET = 0.01;
/** How many times faster than in 30 days the budget is used up: 2 % of it within an hour, 5 % within six (Google's SRE workbook, chapter 5). */
const FAST_BURN = 14.4;
const SLOW_BURN = 6;
/** Late changes of the longer window that nobody is called for: of a service with few changes each is a large share. */
const FEW_LATE = 5;

export const LAG = 'taskstream:indexer_lag_events:sum';
const AUTOSCALER = `horizontalpodautoscaler="${LagScaler.autoscaler}"`;

export const lagRules = (series: Series): RuleGroup => {
  const lag = series(LAG);
  const current = series('kube_horizontalpodautoscaler_status_current_replicas', AUTOSCALER);
  const most = series('kube_horizontalpodautoscaler_spec_max_replicas', AUTOSCALER);
  const settled = `sum by (namespace) (rate(${series('taskstream_indexer_events_total')}[5m]))`;
  const isSmall = `${lag} <= on (namespace) ${SMALL_LAG_SECONDS} * ${settled}`;
  const lateShare = (window: string): string => {
    const late = `sum by (namespace) (rate(${series('taskstream_indexer_changes_late_total')}[${window}]))`;
    const all = `sum by (namespace) (rate(${series('taskstream_indexer_event_to_searchable_seconds_count')}[${window}]))`;
    return `(${late} / ${all})`;
  };
  const burns = (speed: number, long: string, short: string): string =>
    `${lateShare(long)} > ${speed * LATE_BUDGET} and ${lateShare(short)} > ${speed * LATE_BUDGET} and ` +
    `sum by (namespace) (increase(${series('taskstream_indexer_changes_late_total')}[${long}])) > ${FEW_LATE}`;
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
        expr: `${lag} > ${SMALL_LAG_EVENTS} and deriv(${lag}[10m]) > 0 and on (namespace) (${current} >= on (namespace, horizontalpodautoscaler) ${most}) unless on (namespace) (${isSmall})`,
        for: '10m',
        severity: 'critical',
        summary: 'Search falls further behind, and no indexer can be added',
        description:
          '{{ $value | humanize }} events wait and become more, with as many indexers as there are partitions.',
        runbook: 'lag-grows',
      },
      {
        alert: 'TaskstreamLagDoesNotDrain',
        expr: `min_over_time(${lag}[15m]) > ${SMALL_LAG_EVENTS} and deriv(${lag}[15m]) >= 0 unless on (namespace) (${isSmall})`,
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
      // Both are warnings: somebody who imports a million tasks uses the budget up, and nobody needs to get up for it. Where
      // nothing is found any more, nothing is late: other alerts see that.
      {
        alert: 'TaskstreamFreshnessBurnsFast',
        expr: burns(FAST_BURN, '1h', '5m'),
        for: '2m',
        severity: 'warning',
        summary: 'Many changes show in search later than promised',
        description:
          '{{ $value | humanizePercentage }} of the changes of the last hour were found later than FRESHNESS_OBJECTIVE_MS; 1% may be.',
        runbook: 'lag-grows',
      },
      {
        alert: 'TaskstreamFreshnessBurnsSlowly',
        expr: burns(SLOW_BURN, '6h', '30m'),
        for: '15m',
        severity: 'warning',
        summary: 'Changes show in search later than promised, for hours',
        description:
          '{{ $value | humanizePercentage }} of the changes of the last six hours were found later than FRESHNESS_OBJECTIVE_MS; 1% may be.',
        runbook: 'lag-grows',
      },
    ],
  };
};
