/**
 * What the servers say of themselves, where operators run them. Names of the metrics:
 * - Kafka: Strimzi's metrics reporter 0.4.0, as in strimzi-kafka-operator 1.2.0, packaging/examples/metrics/strimzi-metrics-reporter
 * - PostgreSQL: CloudNativePG 1.30.0, config/manager/default-monitoring.yaml
 * - backups: plugin-barman-cloud 0.14.0, internal/cnpgi/instance/metrics.go
 * - Elasticsearch: elasticsearch_exporter 1.11.0, collector/cluster_health.go and nodes.go
 */
import { ElasticsearchCluster } from '../constructs/elasticsearch.ts';
import type { Alert, Part, RuleGroup, Series } from './rule.ts';

/** Behind by that much, a standby serves no failover, and the primary keeps the log for it. */
const MAX_REPLICATION_LAG_SECONDS = 300;
const MAX_HEAP_RATIO = 0.9;
/** Its breakers refuse requests at 95 %, which it reaches between two collections long before this is what they leave. */
const MAX_SEARCH_HEAP_RATIO = 0.85;
/** A little below the high watermark of 90 %, where a node gives its shards away; at 95 % the index takes no writes. */
const MAX_SEARCH_DISK_RATIO = 0.88;

export interface ServerSettings {
  /** How old the last whole backup may be. */
  readonly overdueHours: number;
  /** How many nodes Elasticsearch has when none is missing. */
  readonly searchNodes: number;
}

export const serverRules = (series: Series, { overdueHours, searchNodes }: ServerSettings): RuleGroup => {
  const lastBackup = series('barman_cloud_cloudnative_pg_io_last_available_backup_timestamp');
  const instances = series('cnpg_pg_replication_in_recovery');
  const nodes = series('kube_pod_status_ready', 'condition="true"', ...ElasticsearchCluster.podMatchers);
  /** Alerts are silent about what nobody measures; so there is one about that. */
  const notWatched = (alert: string, part: Part, name: string, missing: string, description: string): Alert => ({
    alert,
    expr: missing,
    for: '15m',
    severity: 'warning',
    summary: `Nobody watches ${name}: Prometheus has nothing of it`,
    description,
    runbook: 'not-watched',
    part,
  });
  const heap = (figure: string) => series(`jvm_memory_${figure}_bytes`, 'area="heap"');
  const searchHeap = (figure: string) => series(`elasticsearch_jvm_memory_${figure}_bytes`, 'area="heap"');
  const disk = (figure: string) => series(`elasticsearch_filesystem_data_${figure}_bytes`);
  /** While the exporter is replaced, two of them say the same. */
  const health = (figure: string, ...matchers: readonly string[]) =>
    `max by (namespace) (${series(`elasticsearch_cluster_health_${figure}`, ...matchers)})`;
  return {
    name: 'taskstream-servers',
    rules: [
      {
        alert: 'TaskstreamKafkaUnderReplicated',
        expr: `sum by (namespace) (${series('kafka_server_replicamanager_underreplicatedpartitions')}) > 0`,
        for: '10m',
        severity: 'warning',
        summary: 'Partitions of Kafka lack a copy: a broker is away or behind',
        description: '{{ $value | humanize }} partitions have fewer copies in sync than they should for 10 minutes.',
        runbook: 'broker-lost',
      },
      {
        alert: 'TaskstreamKafkaUnderMinIsr',
        expr: `sum by (namespace) (${series('kafka_server_replicamanager_underminisrpartitioncount')}) > 0`,
        for: '2m',
        severity: 'critical',
        summary: 'Kafka takes no events for some partitions: too few copies are in sync',
        description: '{{ $value | humanize }} partitions have fewer copies in sync than a write needs.',
        runbook: 'broker-lost',
      },
      {
        alert: 'TaskstreamKafkaPartitionsOffline',
        // Only the active controller counts them.
        expr: `max by (namespace) (${series('kafka_controller_kafkacontroller_offlinepartitionscount')}) > 0`,
        for: '2m',
        severity: 'critical',
        summary: 'Partitions of Kafka have no leader: nobody reads or writes them',
        description: '{{ $value | humanize }} partitions have no leader.',
        runbook: 'broker-lost',
      },
      {
        alert: 'TaskstreamKafkaHeapFull',
        // The least within a quarter of an hour is what a collection has left.
        expr: `sum by (namespace, pod) (min_over_time(${heap('used')}[15m])) / sum by (namespace, pod) (${heap('max')}) > ${MAX_HEAP_RATIO}`,
        for: '5m',
        severity: 'warning',
        summary: 'A broker has hardly any memory left',
        description: '{{ $labels.pod }} uses {{ $value | humanizePercentage }} of its heap after each collection.',
        runbook: 'broker-lost',
      },
      {
        alert: 'TaskstreamPostgresStandbyStopped',
        expr: `${instances} > ${series('cnpg_pg_replication_is_wal_receiver_up')}`,
        for: '5m',
        severity: 'warning',
        summary: 'A standby of PostgreSQL receives nothing: one failure less may happen',
        description: '{{ $labels.pod }} has received no log of its primary for 5 minutes.',
        runbook: 'standby-away',
      },
      {
        alert: 'TaskstreamPostgresStandbyBehind',
        expr: `max by (namespace, pod) (${series('cnpg_pg_replication_lag')}) > ${MAX_REPLICATION_LAG_SECONDS}`,
        for: '5m',
        severity: 'warning',
        summary: 'A standby of PostgreSQL falls behind',
        description: '{{ $labels.pod }} is {{ $value | humanizeDuration }} behind its primary.',
        runbook: 'standby-away',
      },
      {
        alert: 'TaskstreamPostgresFailedOver',
        // A standby that is none any more.
        expr: `sum by (namespace, pod) (${instances} == 0 and ${instances} offset 15m == 1) == 0`,
        for: '0m',
        severity: 'warning',
        summary: 'Another instance of PostgreSQL has taken over',
        description: '{{ $labels.pod }} has become the primary within the last 15 minutes.',
        runbook: 'standby-away',
      },
      {
        alert: 'TaskstreamPostgresArchiveFails',
        expr: `max by (namespace, pod) (${series('cnpg_pg_stat_archiver_last_failed_time')} - ${series('cnpg_pg_stat_archiver_last_archived_time')}) > 0`,
        for: '10m',
        severity: 'critical',
        summary: "PostgreSQL's log cannot be archived: it fills the disk, and a restore would lose it",
        description: '{{ $labels.pod }} has archived nothing since an attempt failed.',
        runbook: 'backup-fails',
      },
      {
        alert: 'TaskstreamPostgresBackupOverdue',
        // 0 as long as there was none.
        // A product of two numbers: a chart computes with no setting.
        expr: `time() - max by (namespace) (${lastBackup}) > ${overdueHours} * 3600`,
        for: '30m',
        severity: 'critical',
        summary: 'The last whole backup of PostgreSQL is too old, or there is none',
        description: 'It ended {{ $value | humanizeDuration }} ago; half a century means that there was none.',
        runbook: 'backup-fails',
        part: 'backup',
      },
      {
        alert: 'TaskstreamPostgresBackupNotMeasured',
        // Where no instance is scraped, the one below says it.
        expr: `absent(${lastBackup}) unless absent(${instances})`,
        for: '30m',
        severity: 'warning',
        summary: 'Nobody can say when PostgreSQL was backed up',
        description: 'The instances are scraped, and say nothing of a backup: their plugin does not run.',
        runbook: 'backup-fails',
        part: 'backup',
      },
      {
        alert: 'TaskstreamElasticsearchRed',
        expr: `${health('status', 'color="red"')} > 0`,
        for: '5m',
        severity: 'critical',
        summary: 'A part of the index is nowhere: search lacks it, and its writes wait',
        description: 'Elasticsearch has been red for 5 minutes: a primary shard has no place.',
        runbook: 'elasticsearch',
      },
      {
        alert: 'TaskstreamElasticsearchShardsUnassigned',
        expr: `${health('unassigned_shards')} > 0 and ${health('status', 'color="yellow"')} > 0`,
        for: '30m',
        severity: 'warning',
        summary: 'Copies of the index are missing: one failure less may happen',
        description: '{{ $value }} shards have had no place for 30 minutes. Each has another copy that works.',
        runbook: 'elasticsearch',
      },
      {
        alert: 'TaskstreamElasticsearchNodeMissing',
        expr: `${health('number_of_nodes')} < ${searchNodes}`,
        for: '10m',
        severity: 'warning',
        summary: 'Nodes of Elasticsearch are not in its cluster',
        description: `{{ $value }} of ${searchNodes} nodes have been in the cluster for 10 minutes.`,
        runbook: 'elasticsearch',
        part: 'exporter',
      },
      {
        alert: 'TaskstreamElasticsearchDiskHigh',
        expr: `max by (namespace, name) (1 - ${disk('available')} / ${disk('size')}) > ${MAX_SEARCH_DISK_RATIO}`,
        for: '10m',
        severity: 'critical',
        summary: 'A node of Elasticsearch will give its shards away soon: its disk is nearly full',
        description: '{{ $labels.name }} has used {{ $value | humanizePercentage }} of its disk.',
        runbook: 'elasticsearch',
      },
      {
        alert: 'TaskstreamElasticsearchHeapFull',
        expr: `max by (namespace, name) (min_over_time(${searchHeap('used')}[15m]) / ${searchHeap('max')}) > ${MAX_SEARCH_HEAP_RATIO}`,
        for: '5m',
        severity: 'warning',
        summary: 'A node of Elasticsearch has hardly any memory left',
        description: '{{ $labels.name }} uses {{ $value | humanizePercentage }} of its heap after each collection.',
        runbook: 'elasticsearch',
      },
      notWatched(
        'TaskstreamKafkaNotWatched',
        'kafka',
        'Kafka',
        `absent(${series('kafka_server_replicamanager_underreplicatedpartitions')})`,
        'No broker is scraped: partitions without copies or a leader, and full heaps, would go unseen.',
      ),
      notWatched(
        'TaskstreamPostgresNotWatched',
        'postgres',
        'PostgreSQL',
        `absent(${instances})`,
        'No instance is scraped: standbys that stop, a failover, and a log that is not archived, would go unseen.',
      ),
      notWatched(
        'TaskstreamElasticsearchNotWatched',
        'elasticsearch',
        'Elasticsearch',
        // Of its pods, with an exporter too. The aggregate has no label that `absent` would hand on.
        `absent(max by (namespace) (${nodes}))`,
        'kube-state-metrics has none of its pods: one that is not ready would go unseen.',
      ),
      notWatched(
        'TaskstreamElasticsearchNotMeasured',
        'exporter',
        'the inside of Elasticsearch',
        `absent(${series('elasticsearch_cluster_health_number_of_nodes')})`,
        'Its exporter is not scraped, or gets no answer: shards without a place, full disks and heaps would go unseen.',
      ),
    ],
  };
};
