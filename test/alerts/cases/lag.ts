import { NS, OTHER, type AlertCase, type RecordCase } from '../support/case.ts';

const lag = (partition: number, pod = 'a') =>
  `taskstream_indexer_lag_events{${NS},pod="${pod}",partition="${partition}"}`;
const autoscaler = `${NS},horizontalpodautoscaler="keda-hpa-taskstream-indexer"`;
const replicas = `kube_horizontalpodautoscaler_status_current_replicas{${autoscaler}}`;
const most = `kube_horizontalpodautoscaler_spec_max_replicas{${autoscaler}}`;
const bucket = (le: string) => `taskstream_indexer_event_to_indexed_seconds_bucket{${NS},le="${le}"}`;

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
];
