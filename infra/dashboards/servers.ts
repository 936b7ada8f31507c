/** The servers, where operators run them; infra/alerts/servers.ts says where the metrics come from. */
import { ElasticsearchCluster } from '../constructs/elasticsearch.ts';
import { series, warnAt, type Row } from './panel.ts';

export const servers: Row = {
  title: 'Servers',
  panels: [
    {
      title: 'Partitions that lack copies',
      description: 'Should be none. Below what a write needs, publication stops; without a leader, all of it.',
      kind: 'timeseries',
      unit: 'short',
      thresholds: [{ value: 1, colour: 'red' }],
      runbook: 'broker-lost',
      queries: [
        {
          expr: `sum(${series('kafka_server_replicamanager_underreplicatedpartitions')})`,
          legend: 'a copy is missing',
        },
        { expr: `sum(${series('kafka_server_replicamanager_underminisrpartitioncount')})`, legend: 'not writable' },
        { expr: `max(${series('kafka_controller_kafkacontroller_offlinepartitionscount')})`, legend: 'no leader' },
      ],
    },
    {
      title: 'Heap of brokers',
      description: 'Share that is used. It goes up and down; what stays after each collection counts.',
      kind: 'timeseries',
      unit: 'percentunit',
      runbook: 'broker-lost',
      queries: [
        {
          expr: `sum by (pod) (${series('jvm_memory_used_bytes', 'area="heap"')}) / sum by (pod) (${series('jvm_memory_max_bytes', 'area="heap"')})`,
          legend: '{{pod}}',
        },
      ],
    },
    {
      title: 'Standbys behind',
      description: 'How far each instance of PostgreSQL is behind the primary.',
      kind: 'timeseries',
      unit: 's',
      thresholds: warnAt(30, 300),
      runbook: 'standby-away',
      queries: [{ expr: `max by (pod) (${series('cnpg_pg_replication_lag')})`, legend: '{{pod}}' }],
    },
    {
      title: 'Log segments not archived',
      description: 'Of 16 MiB each. They stay on the volume until they are in the bucket.',
      kind: 'timeseries',
      unit: 'short',
      thresholds: warnAt(20, 200),
      runbook: 'backup-fails',
      queries: [
        {
          expr: `max by (pod) (${series('cnpg_collector_pg_wal_archive_status', 'value="ready"')})`,
          legend: '{{pod}}',
        },
      ],
    },
    {
      title: 'Last whole backup',
      description: 'How long ago it ended. An alert knows by the schedule when that is too long.',
      kind: 'stat',
      unit: 's',
      runbook: 'backup-fails',
      queries: [
        {
          expr: `time() - (max(${series('barman_cloud_cloudnative_pg_io_last_available_backup_timestamp')}) > 0)`,
          legend: 'ago',
        },
      ],
    },
    {
      title: 'Servers that report',
      description: 'Pods that Prometheus has figures of. What is missing here, no alert looks at.',
      kind: 'stat',
      unit: 'short',
      runbook: 'not-watched',
      queries: [
        {
          expr: `count(${series('kafka_server_replicamanager_underreplicatedpartitions')})`,
          legend: 'brokers of Kafka',
        },
        { expr: `count(${series('cnpg_pg_replication_in_recovery')})`, legend: 'instances of PostgreSQL' },
        {
          expr: `count(${series('kube_pod_status_ready', 'condition="true"', ...ElasticsearchCluster.podMatchers)})`,
          legend: 'nodes of Elasticsearch',
        },
        {
          expr: `max(${series('elasticsearch_cluster_health_number_of_nodes')})`,
          legend: 'of these in its cluster, by the exporter',
        },
      ],
    },
  ],
};
