import { NS, OTHER, type AlertCase, type SeriesValues } from '../support/case.ts';

const of = (metric: string, pod: string, more = '') => `${metric}{${NS},pod="${pod}"${more}}`;
const [BROKER, OTHER_BROKER, STANDBY] = ['taskstream-broker-3', 'taskstream-broker-4', 'taskstream-db-2'] as const;

/** Partitions, as each broker counts its own. */
const partitions = (alert: string, metric: string, description: string): AlertCase => ({
  alert,
  firing: { series: { [of(metric, BROKER)]: '0x5 3x30', [of(metric, OTHER_BROKER)]: '0x40' }, at: '30m', description },
  quiet: {
    'all is well': { series: { [of(metric, BROKER)]: '0x40' }, at: '30m' },
    'a broker restarts': { series: { [of(metric, BROKER)]: '0x5 3 0x40' }, at: '7m' },
    'it is of somebody else': { series: { [`${metric}{${OTHER},pod="b"}`]: '3x40' }, at: '30m' },
  },
});
/** A server of which nothing is scraped any more, and one of which one pod of two is. */
const notWatched = (
  alert: string,
  [metric, pod, otherPod, more = '']: readonly [metric: string, pod: string, otherPod: string, more?: string],
  description: string,
  strangers: SeriesValues = {},
): AlertCase => ({
  alert,
  firing: {
    series: { [of(metric, pod, more)]: '0x5', [`${metric}{${OTHER},pod="${pod}"${more}}`]: '0x40', ...strangers },
    at: '30m',
    description,
  },
  quiet: {
    'one of two pods is scraped': {
      series: { [of(metric, pod, more)]: '0x5', [of(metric, otherPod, more)]: '0x40' },
      at: '30m',
    },
    'Prometheus missed it for minutes': { series: { [of(metric, pod, more)]: '0x5 _x12 0x40' }, at: '30m' },
  },
});
const heap = (figure: string) => of(`jvm_memory_${figure}_bytes`, BROKER, ',area="heap"');
const inRecovery = of('cnpg_pg_replication_in_recovery', STANDBY);
const receives = of('cnpg_pg_replication_is_wal_receiver_up', STANDBY);
const lag = of('cnpg_pg_replication_lag', STANDBY);
const archived = of('cnpg_pg_stat_archiver_last_archived_time', STANDBY);
const failed = of('cnpg_pg_stat_archiver_last_failed_time', STANDBY);
const [EXPORTER, NODE] = ['taskstream-elasticsearch-exporter-7d4f-x2x4z', 'taskstream-es-default-0'] as const;
const health = (figure: string, more = '', pod: string = EXPORTER) =>
  of(`elasticsearch_cluster_health_${figure}`, pod, more);
const ofNode = (metric: string, more = '', name: string = NODE, pod: string = EXPORTER) =>
  of(`elasticsearch_${metric}`, pod, `,name="${name}"${more}`);
const searchHeap = (figure: string) => ofNode(`jvm_memory_${figure}_bytes`, ',area="heap"');
const disk = (figure: string, name: string = NODE) => ofNode(`filesystem_data_${figure}_bytes`, ',mount="/data"', name);
const backedUp = of('barman_cloud_cloudnative_pg_io_last_available_backup_timestamp', STANDBY);

export const serverAlerts: readonly AlertCase[] = [
  partitions(
    'TaskstreamKafkaUnderReplicated',
    'kafka_server_replicamanager_underreplicatedpartitions',
    '3 partitions have fewer copies in sync than they should for 10 minutes.',
  ),
  partitions(
    'TaskstreamKafkaUnderMinIsr',
    'kafka_server_replicamanager_underminisrpartitioncount',
    '3 partitions have fewer copies in sync than a write needs.',
  ),
  partitions(
    'TaskstreamKafkaPartitionsOffline',
    'kafka_controller_kafkacontroller_offlinepartitionscount',
    '3 partitions have no leader.',
  ),
  {
    alert: 'TaskstreamKafkaHeapFull',
    firing: {
      series: { [heap('used')]: '95 97 99x60', [heap('max')]: '100x60' },
      at: '40m',
      labels: { pod: BROKER },
      description: `${BROKER} uses 99% of its heap after each collection.`,
    },
    quiet: {
      'a collection frees it': {
        series: {
          [heap('used')]: '95 97 99 40 95 97 99 40 95 97 99 40 95 97 99 40 95 97 99 40 95 97 99 40 95',
          [heap('max')]: '100x60',
        },
        at: '24m',
      },
    },
  },
  {
    alert: 'TaskstreamPostgresStandbyStopped',
    firing: {
      series: { [inRecovery]: '1x20', [receives]: '1x5 0x15' },
      at: '15m',
      labels: { pod: STANDBY },
      description: `${STANDBY} has received no log of its primary for 5 minutes.`,
    },
    quiet: {
      'it receives': { series: { [inRecovery]: '1x20', [receives]: '1x20' }, at: '15m' },
      'it is the primary': { series: { [inRecovery]: '0x20', [receives]: '0x20' }, at: '15m' },
    },
  },
  {
    alert: 'TaskstreamPostgresStandbyBehind',
    firing: {
      series: { [lag]: '0 360x20' },
      at: '15m',
      labels: { pod: STANDBY },
      description: `${STANDBY} is 6m 0s behind its primary.`,
    },
    quiet: { 'a little': { series: { [lag]: '20x20' }, at: '15m' } },
  },
  {
    alert: 'TaskstreamPostgresFailedOver',
    firing: {
      series: { [inRecovery]: '1x30 0x30' },
      at: '40m',
      labels: { pod: STANDBY },
      description: `${STANDBY} has become the primary within the last 15 minutes.`,
    },
    quiet: {
      'it was the primary': { series: { [inRecovery]: '0x60' }, at: '40m' },
      'it is a standby': { series: { [inRecovery]: '1x60' }, at: '40m' },
      'it became a standby': { series: { [inRecovery]: '0x30 1x30' }, at: '40m' },
      'it was long ago': { series: { [inRecovery]: '1x30 0x30' }, at: '55m' },
    },
  },
  {
    alert: 'TaskstreamPostgresArchiveFails',
    firing: {
      series: { [archived]: '300x30', [failed]: '-1x5 360x25' },
      at: '20m',
      labels: { pod: STANDBY },
      description: `${STANDBY} has archived nothing since an attempt failed.`,
    },
    quiet: {
      'none failed': { series: { [archived]: '300x30', [failed]: '-1x30' }, at: '20m' },
      'one failed, and the next did not': { series: { [archived]: '300x5 400x30', [failed]: '360x30' }, at: '20m' },
    },
  },
  {
    alert: 'TaskstreamPostgresBackupOverdue',
    interval: '1h',
    firing: {
      series: { [backedUp]: '0x50' },
      at: '40h',
      description: 'It ended 1d 16h 0m 0s ago; half a century means that there was none.',
    },
    quiet: { 'it was last night': { series: { [backedUp]: '0x20 72000x30' }, at: '40h' } },
  },
  {
    alert: 'TaskstreamPostgresBackupNotMeasured',
    firing: {
      series: {
        [inRecovery]: '0x60',
        [`barman_cloud_cloudnative_pg_io_last_available_backup_timestamp{${OTHER}}`]: '1x60',
      },
      at: '40m',
      description: 'The instances are scraped, and say nothing of a backup: their plugin does not run.',
    },
    quiet: {
      'there was none, which is an alert of its own': {
        series: { [inRecovery]: '0x60', [backedUp]: '0x60' },
        at: '40m',
      },
      'instances restart': { series: { [inRecovery]: '0x60', [backedUp]: '0x10 _x20 0x30' }, at: '40m' },
      'no instance is scraped, which is an alert of its own': { series: {}, at: '40m' },
    },
  },
  {
    alert: 'TaskstreamElasticsearchRed',
    firing: {
      series: { [health('status', ',color="red"')]: '0x5 1x30', [health('status', ',color="green"')]: '1x5 0x30' },
      at: '15m',
      description: 'Elasticsearch has been red for 5 minutes: a primary shard has no place.',
    },
    quiet: {
      'it is yellow': {
        series: { [health('status', ',color="red"')]: '0x30', [health('status', ',color="yellow"')]: '1x30' },
        at: '15m',
      },
      'it is red while a node starts': { series: { [health('status', ',color="red"')]: '1x3 0x30' }, at: '6m' },
      "it is somebody else's": {
        series: { [`elasticsearch_cluster_health_status{${OTHER},color="red"}`]: '1x30' },
        at: '15m',
      },
    },
  },
  {
    alert: 'TaskstreamElasticsearchShardsUnassigned',
    firing: {
      series: { [health('unassigned_shards')]: '0x5 2x60', [health('status', ',color="yellow"')]: '0x5 1x60' },
      at: '40m',
      description: '2 shards have had no place for 30 minutes. Each has another copy that works.',
    },
    quiet: {
      'a node restarts': {
        series: { [health('unassigned_shards')]: '2x20 0x60', [health('status', ',color="yellow"')]: '1x20 0x60' },
        at: '40m',
      },
      'copies move or are filled, and all have a place': {
        series: { [health('unassigned_shards')]: '0x60', [health('status', ',color="yellow"')]: '1x60' },
        at: '40m',
      },
      'it is red, which is an alert of its own': {
        series: { [health('unassigned_shards')]: '2x60', [health('status', ',color="yellow"')]: '0x60' },
        at: '40m',
      },
    },
  },
  {
    alert: 'TaskstreamElasticsearchNodeMissing',
    firing: {
      series: { [health('number_of_nodes')]: '3x5 2x30' },
      at: '20m',
      description: '2 of 3 nodes have been in the cluster for 10 minutes.',
    },
    quiet: {
      'all are there': { series: { [health('number_of_nodes')]: '3x30' }, at: '20m' },
      'a node restarts': { series: { [health('number_of_nodes')]: '3x5 2x8 3x30' }, at: '14m' },
      'another exporter still says what was': {
        series: {
          [health('number_of_nodes')]: '3x30',
          [health('number_of_nodes', '', 'taskstream-elasticsearch-exporter-7d4f-old')]: '2x30',
        },
        at: '20m',
      },
    },
  },
  {
    alert: 'TaskstreamElasticsearchDiskHigh',
    firing: {
      series: {
        [disk('available')]: '50 11x30',
        [disk('size')]: '100x30',
        [disk('available', 'taskstream-es-default-1')]: '50x30',
        [disk('size', 'taskstream-es-default-1')]: '100x30',
      },
      at: '20m',
      labels: { name: NODE },
      description: `${NODE} has used 89% of its disk.`,
    },
    quiet: {
      'there is room': { series: { [disk('available')]: '13x30', [disk('size')]: '100x30' }, at: '20m' },
      'a merge needs room for minutes': {
        series: { [disk('available')]: '11x8 20x30', [disk('size')]: '100x40' },
        at: '9m',
      },
    },
  },
  {
    alert: 'TaskstreamElasticsearchHeapFull',
    firing: {
      series: { [searchHeap('used')]: '92 88 90x60', [searchHeap('max')]: '100x60' },
      at: '40m',
      labels: { name: NODE },
      description: `${NODE} uses 90% of its heap after each collection.`,
    },
    quiet: {
      'a collection frees it': {
        series: {
          [searchHeap('used')]: '90 94 40 90 94 90 94 40 90 94 90 94 40 90 94 90 94 40 90 94 90 94 40 90 94',
          [searchHeap('max')]: '100x60',
        },
        at: '24m',
      },
    },
  },
  notWatched(
    'TaskstreamKafkaNotWatched',
    ['kafka_server_replicamanager_underreplicatedpartitions', BROKER, OTHER_BROKER],
    'No broker is scraped: partitions without copies or a leader, and full heaps, would go unseen.',
  ),
  notWatched(
    'TaskstreamPostgresNotWatched',
    ['cnpg_pg_replication_in_recovery', STANDBY, 'taskstream-db-1'],
    'No instance is scraped: standbys that stop, a failover, and a log that is not archived, would go unseen.',
  ),
  notWatched(
    'TaskstreamElasticsearchNotWatched',
    ['kube_pod_status_ready', 'taskstream-es-default-0', 'taskstream-es-default-1', ',condition="true"'],
    'kube-state-metrics has none of its pods: one that is not ready would go unseen.',
    { [of('kube_pod_status_ready', BROKER, ',condition="true"')]: '1x40' },
  ),
  notWatched(
    'TaskstreamElasticsearchNotMeasured',
    ['elasticsearch_cluster_health_number_of_nodes', EXPORTER, 'taskstream-elasticsearch-exporter-7d4f-next'],
    'Its exporter is not scraped, or gets no answer: shards without a place, full disks and heaps would go unseen.',
  ),
];
