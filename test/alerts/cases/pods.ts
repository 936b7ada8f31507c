import { NS, OTHER, type AlertCase } from '../support/case.ts';

const up = (component: string, pod = component) => `up{${NS},job="taskstream-${component}",pod="${pod}"}`;
const ready = (pod: string, condition = 'true') => `kube_pod_status_ready{${NS},pod="${pod}",condition="${condition}"}`;
const restarts = (container: string) =>
  `kube_pod_container_status_restarts_total{${NS},pod="taskstream-x",container="${container}"}`;
const dropped = `taskstream_log_lines_dropped_total{${NS},job="taskstream-api",pod="taskstream-x"}`;
const volume = (figure: string) =>
  `kubelet_volume_stats_${figure}_bytes{${NS},persistentvolumeclaim="elasticsearch-data-taskstream-es-default-0"}`;

const notReady = (alert: string, pod: string, strangers: readonly string[]): AlertCase => ({
  alert,
  firing: {
    series: { [ready(pod)]: '0x20', [ready(pod, 'false')]: '1x20' },
    at: '10m',
    labels: { pod },
    description: `${pod} has not been ready for 5 minutes.`,
  },
  quiet: {
    'it is ready': { series: { [ready(pod)]: '1x20', [ready(pod, 'false')]: '0x20' }, at: '10m' },
    'it restarts': { series: { [ready(pod)]: '1 1 1 1 1 0 0 0 1 1 1' }, at: '10m' },
    'another pod is not': {
      series: Object.fromEntries(strangers.map((stranger) => [ready(stranger), '0x20'])),
      at: '10m',
    },
  },
});
const [BROKER, NODE, DATABASE] = ['taskstream-broker-1', 'taskstream-es-default-0', 'taskstream-db-2'] as const;
const OURS = ['taskstream-api-7c9f8d6b5d-x2x9z', 'taskstream-migrate-1a2b3c4d-abcde', 'taskstream-db-1-initdb-abcde'];

export const podAlerts: readonly AlertCase[] = [
  {
    alert: 'TaskstreamApiDown',
    firing: {
      series: { [up('api')]: '0x10', [up('indexer')]: '1x10', [`up{${OTHER},job="taskstream-api"}`]: '1x10' },
      at: '5m',
      description: 'Prometheus reaches no replica of the API: nobody can read or write tasks.',
    },
    quiet: { 'one of two answers': { series: { [up('api', 'a')]: '0x10', [up('api', 'b')]: '1x10' }, at: '5m' } },
  },
  {
    alert: 'TaskstreamTargetDown',
    firing: {
      series: { [up('indexer', 'b')]: '0x20', [up('indexer', 'a')]: '1x20' },
      at: '10m',
      labels: { pod: 'b', job: 'taskstream-indexer' },
      description: 'b of taskstream-indexer has not answered for 5 minutes.',
    },
    quiet: {
      'it answers': { series: { [up('indexer')]: '1x20' }, at: '10m' },
      'it is no pod of ours': { series: { [`up{${NS},job="grafana"}`]: '0x20' }, at: '10m' },
    },
  },
  {
    alert: 'TaskstreamPodRestarts',
    firing: {
      series: { [restarts('indexer')]: '0x5 1x5 2x5 3x5 4x10' },
      at: '28m',
      labels: { pod: 'taskstream-x' },
      description: 'taskstream-x restarted 4 times within 30 minutes.',
    },
    quiet: {
      once: { series: { [restarts('indexer')]: '0x5 1x30' }, at: '28m' },
      'a container of somebody else': { series: { [restarts('sidecar')]: '0+1x30' }, at: '28m' },
    },
  },
  {
    alert: 'TaskstreamLogLinesDropped',
    firing: {
      series: { [dropped]: '0x9 40x10' },
      at: '12m',
      labels: { pod: 'taskstream-x', job: 'taskstream-api' },
      description: 'taskstream-x of taskstream-api dropped 40 lines within 10 minutes.',
    },
    quiet: {
      'all are written': { series: { [dropped]: '0x30' }, at: '12m' },
      'it was long ago': { series: { [dropped]: '0x5 40x40' }, at: '30m' },
    },
  },
  notReady('TaskstreamKafkaPodNotReady', BROKER, [NODE, DATABASE, ...OURS]),
  notReady('TaskstreamElasticsearchPodNotReady', NODE, [BROKER, DATABASE, ...OURS]),
  notReady('TaskstreamPostgresPodNotReady', DATABASE, [BROKER, NODE, ...OURS]),
  {
    alert: 'TaskstreamVolumeFillsUp',
    firing: {
      series: { [volume('available')]: '10x30', [volume('capacity')]: '100x30' },
      at: '15m',
      labels: { persistentvolumeclaim: 'elasticsearch-data-taskstream-es-default-0' },
      description: 'elasticsearch-data-taskstream-es-default-0 has 10% left.',
    },
    quiet: {
      'there is room': { series: { [volume('available')]: '16x30', [volume('capacity')]: '100x30' }, at: '15m' },
    },
  },
  {
    alert: 'TaskstreamVolumeWillBeFull',
    firing: {
      // 1 GB a minute of 200 GB.
      series: { [volume('available')]: '200000000000-1000000000x90' },
      at: '80m',
      labels: { persistentvolumeclaim: 'elasticsearch-data-taskstream-es-default-0' },
      description: 'elasticsearch-data-taskstream-es-default-0 is full in 4 hours at the rate of the last one.',
    },
    quiet: {
      'it takes days': { series: { [volume('available')]: '200000000000-10000000x90' }, at: '80m' },
      'it grows no more': { series: { [volume('available')]: '20000000000x90' }, at: '80m' },
    },
  },
];
