/**
 * Where metrics come from that the API and the indexer do not export, with the labels that they have there.
 * What is in none of these lists must be exported by a service that really runs.
 */

/** Labels of a scraped pod, as the Prometheus operator sets them for a PodMonitor. */
export const TARGET_LABELS = ['namespace', 'pod', 'container', 'endpoint', 'instance', 'job'] as const;

type Source = Readonly<Record<string, readonly string[]>>;

/** github.com/kubernetes/kube-state-metrics, docs/metrics. */
const KUBE_STATE_METRICS: Source = {
  kube_horizontalpodautoscaler_status_current_replicas: ['horizontalpodautoscaler', 'namespace'],
  kube_horizontalpodautoscaler_spec_max_replicas: ['horizontalpodautoscaler', 'namespace'],
  kube_pod_status_ready: ['pod', 'namespace', 'condition', 'uid'],
  kube_pod_container_status_restarts_total: ['container', 'pod', 'namespace', 'uid'],
  kube_pod_container_status_waiting_reason: ['container', 'pod', 'namespace', 'reason', 'uid'],
  kube_pod_container_status_last_terminated_exitcode: ['container', 'pod', 'namespace', 'uid'],
};

/** The kubelet's own, at /metrics and /metrics/cadvisor. */
const KUBELET: Source = {
  kubelet_volume_stats_available_bytes: ['namespace', 'persistentvolumeclaim'],
  kubelet_volume_stats_capacity_bytes: ['namespace', 'persistentvolumeclaim'],
  container_cpu_cfs_periods_total: ['container', 'namespace', 'pod'],
  container_cpu_cfs_throttled_periods_total: ['container', 'namespace', 'pod'],
};

const PROMETHEUS: Source = { up: TARGET_LABELS };

/** The servers, as infra/alerts/servers.ts says. */
const SERVERS: Source = {
  kafka_server_replicamanager_underreplicatedpartitions: TARGET_LABELS,
  kafka_server_replicamanager_underminisrpartitioncount: TARGET_LABELS,
  kafka_controller_kafkacontroller_offlinepartitionscount: TARGET_LABELS,
  jvm_memory_used_bytes: [...TARGET_LABELS, 'area'],
  jvm_memory_max_bytes: [...TARGET_LABELS, 'area'],
  cnpg_pg_replication_in_recovery: TARGET_LABELS,
  cnpg_pg_replication_is_wal_receiver_up: TARGET_LABELS,
  cnpg_pg_replication_lag: TARGET_LABELS,
  cnpg_pg_stat_archiver_last_failed_time: TARGET_LABELS,
  cnpg_pg_stat_archiver_last_archived_time: TARGET_LABELS,
  cnpg_collector_pg_wal_archive_status: [...TARGET_LABELS, 'value'],
  barman_cloud_cloudnative_pg_io_last_available_backup_timestamp: TARGET_LABELS,
};

const CLUSTER_LABELS = [...TARGET_LABELS, 'cluster'];
const NODE_LABELS = [
  ...CLUSTER_LABELS,
  'host',
  'name',
  ...['master', 'data', 'ingest', 'client'].map((role) => `es_${role}_node`),
];
/** Elasticsearch's exporter; test/alerts compares with a real one. */
export const EXPORTER_METRICS: Source = {
  elasticsearch_cluster_health_status: [...CLUSTER_LABELS, 'color'],
  elasticsearch_cluster_health_number_of_nodes: CLUSTER_LABELS,
  elasticsearch_cluster_health_unassigned_shards: CLUSTER_LABELS,
  elasticsearch_cluster_health_initializing_shards: CLUSTER_LABELS,
  elasticsearch_cluster_health_relocating_shards: CLUSTER_LABELS,
  elasticsearch_filesystem_data_available_bytes: [...NODE_LABELS, 'mount', 'path'],
  elasticsearch_filesystem_data_size_bytes: [...NODE_LABELS, 'mount', 'path'],
  elasticsearch_jvm_memory_used_bytes: [...NODE_LABELS, 'area'],
  elasticsearch_jvm_memory_max_bytes: [...NODE_LABELS, 'area'],
  elasticsearch_thread_pool_rejected_count: [...NODE_LABELS, 'type'],
  elasticsearch_breakers_tripped: [...NODE_LABELS, 'breaker'],
};

export const FOREIGN_METRICS: Source = {
  ...KUBE_STATE_METRICS,
  ...KUBELET,
  ...PROMETHEUS,
  ...SERVERS,
  ...EXPORTER_METRICS,
};
