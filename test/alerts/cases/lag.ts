import { NS, OTHER, type AlertCase, type RecordCase } from '../support/case.ts';

const lag = (partition: number, pod = 'a') =>
  `taskstream_indexer_lag_events{${NS},pod="${pod}",partition="${partition}"}`;
const autoscaler = `${NS},horizontalpodautoscaler="keda-hpa-taskstream-indexer"`;
const replicas = `kube_horizontalpodautoscaler_status_current_replicas{${autoscaler}}`;
const most = `kube_horizontalpodautoscaler_spec_max_replicas{${autoscaler}}`;
const bucket = (le: string) => `taskstream_indexer_event_to_indexed_seconds_bucket{${NS},le="${le}"}`;

const settled = `taskstream_indexer_events_total{${NS},outcome="indexed"}`;
const late = `taskstream_indexer_changes_late_total{${NS}}`;
const found = `taskstream_indexer_event_to_searchable_seconds_count{${NS}}`;

export const lagRecords: readonly RecordCase[] = [
  {
    record: 'taskstream:indexer_lag_events:sum',
    series: {
      [lag(0)]: '5',
      // Reported by two indexers, as at a handover.
      [lag(1)]: '7',
      [lag(1, 'b')]: '6',
      [`taskstream_indexer_lag_events{${OTHER},partition="0"}`]: '100',
    },
    at: '0m',
    values: { [`taskstream:indexer_lag_events:sum{${NS}}`]: 12 },
  },
];

export const lagAlerts: readonly AlertCase[] = [
  {
    alert: 'TaskstreamLagGrowsAtMaximum',
    firing: {
      series: { [lag(0)]: '0+200x40', [replicas]: '12x40', [most]: '12x40' },
      at: '30m',
      description: '6k events wait and become more, with as many indexers as there are partitions.',
    },
    quiet: {
      'indexers can still be added': {
        series: { [lag(0)]: '0+200x40', [replicas]: '11x40', [most]: '12x40' },
        at: '30m',
      },
      'the lag drains': { series: { [lag(0)]: '9000-200x40', [replicas]: '12x40', [most]: '12x40' }, at: '30m' },
      'the lag is small': { series: { [lag(0)]: '0+20x40', [replicas]: '12x40', [most]: '12x40' }, at: '30m' },
      'what waits is settled within seconds': {
        series: { [lag(0)]: '0+200x40', [replicas]: '12x40', [most]: '12x40', [settled]: '0+120000x40' },
        at: '30m',
      },
      'another autoscaler is at its maximum': {
        series: {
          [lag(0)]: '0+200x40',
          [`kube_horizontalpodautoscaler_status_current_replicas{${NS},horizontalpodautoscaler="taskstream-api"}`]:
            '12x40',
          [`kube_horizontalpodautoscaler_spec_max_replicas{${NS},horizontalpodautoscaler="taskstream-api"}`]: '12x40',
        },
        at: '30m',
      },
    },
  },
  {
    alert: 'TaskstreamLagDoesNotDrain',
    firing: {
      series: { [lag(0)]: '2000x40' },
      at: '25m',
      description: 'At least 2k events have been waiting for 15 minutes, and do not become fewer.',
    },
    quiet: {
      'it drains slowly': { series: { [lag(0)]: '9000-50x40' }, at: '25m' },
      // 1,000 events a second.
      'it is what each indexer gathers': { series: { [lag(0)]: '2000x40', [settled]: '0+60000x40' }, at: '25m' },
      'it was gone in between': { series: { [lag(0)]: '2000x20 0 2000x20' }, at: '25m' },
    },
  },
  {
    alert: 'TaskstreamIndexedLate',
    firing: {
      series: { [bucket('30')]: '0+10x40', [bucket('100')]: '0+100x40', [bucket('+Inf')]: '0+100x40' },
      at: '25m',
      description: 'One change in ten takes 1m 32s or longer until search finds it.',
    },
    quiet: {
      'all are quick': {
        series: { [bucket('30')]: '0+95x40', [bucket('100')]: '0+100x40', [bucket('+Inf')]: '0+100x40' },
        at: '25m',
      },
      'nothing changes': { series: { [bucket('30')]: '10x40', [bucket('+Inf')]: '100x40' }, at: '25m' },
    },
  },
  {
    alert: 'TaskstreamFreshnessBurnsFast',
    firing: {
      series: { [late]: '0+20x80', [found]: '0+100x80' },
      at: '75m',
      description: '20% of the changes of the last hour were found later than FRESHNESS_OBJECTIVE_MS; 1% may be.',
    },
    quiet: {
      'few are late': { series: { [late]: '0+10x80', [found]: '0+100x80' }, at: '75m' },
      'four of the ten changes of an hour are late': {
        series: { [late]: '0x70 4x10', [found]: '0x70 10x10' },
        at: '75m',
      },
      'it is over': { series: { [late]: '0+40x60 2400x20', [found]: '0+100x80' }, at: '75m' },
      'nothing changes': { series: { [late]: '20x80', [found]: '100x80' }, at: '75m' },
    },
  },
  {
    alert: 'TaskstreamFreshnessBurnsSlowly',
    firing: {
      series: { [late]: '0+8x400', [found]: '0+100x400' },
      at: '390m',
      description: '8% of the changes of the last six hours were found later than FRESHNESS_OBJECTIVE_MS; 1% may be.',
    },
    quiet: {
      'few are late': { series: { [late]: '0+5x400', [found]: '0+100x400' }, at: '390m' },
      'four of the ten changes of six hours are late': {
        series: { [late]: '0x380 4x20', [found]: '0x380 10x20' },
        at: '390m',
      },
      'it is over': { series: { [late]: '0+20x300 6000x100', [found]: '0+100x400' }, at: '390m' },
    },
  },
];
