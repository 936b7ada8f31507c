/** Processes that are not there: ours, and the servers that operators run in the same namespace. */
import { API } from '../charts/api.ts';
import { INDEXER } from '../charts/indexer.ts';
import { ElasticsearchCluster } from '../constructs/elasticsearch.ts';
import { KafkaCluster } from '../constructs/kafka.ts';
import { PostgresCluster } from '../constructs/postgres.ts';
import { jobOf, type Alert, type RuleGroup, type Series } from './rule.ts';

const MIN_FREE_RATIO = 0.15;
/** Time for a person to come before a disk is full. */
const AHEAD_SECONDS = 4 * 3_600;

export const podRules = (series: Series): RuleGroup => {
  /** Of a server whose pods Prometheus itself knows nothing of. */
  const notReady = (alert: string, pods: readonly string[], server: string, runbook: string): Alert => ({
    alert,
    expr: `max by (namespace, pod) (${series('kube_pod_status_ready', 'condition="true"', ...pods)}) == 0`,
    for: '5m',
    severity: 'critical',
    summary: `A pod of ${server} is not ready`,
    description: '{{ $labels.pod }} has not been ready for 5 minutes.',
    runbook,
  });
  return {
    name: 'taskstream-pods',
    rules: [
      {
        alert: 'TaskstreamApiDown',
        expr: `absent(${series('up', jobOf(API))} == 1)`,
        for: '2m',
        severity: 'critical',
        summary: 'No API replica answers',
        description: 'Prometheus reaches no replica of the API: nobody can read or write tasks.',
        runbook: 'target-down',
      },
      {
        alert: 'TaskstreamTargetDown',
        expr: `${series('up', jobOf(API, INDEXER))} == 0`,
        for: '5m',
        severity: 'warning',
        summary: 'A pod does not answer Prometheus',
        description: '{{ $labels.pod }} of {{ $labels.job }} has not answered for 5 minutes.',
        runbook: 'target-down',
      },
      {
        alert: 'TaskstreamPodRestarts',
        expr: `sum by (namespace, pod) (increase(${series('kube_pod_container_status_restarts_total', `container=~"${API}|${INDEXER}"`)}[30m])) > 2`,
        for: '0m',
        severity: 'warning',
        summary: 'A pod restarts again and again',
        description: '{{ $labels.pod }} restarted {{ $value | humanize }} times within 30 minutes.',
        runbook: 'target-down',
      },
      {
        alert: 'TaskstreamLogLinesDropped',
        expr: `sum by (namespace, pod, job) (increase(${series('taskstream_log_lines_dropped_total', jobOf(API, INDEXER))}[10m])) > 0`,
        for: '0m',
        severity: 'warning',
        summary: 'A service drops lines of its log: nobody reads them, or they cannot be written',
        description: '{{ $labels.pod }} of {{ $labels.job }} dropped {{ $value | humanize }} lines within 10 minutes.',
        runbook: 'target-down',
      },
      notReady('TaskstreamKafkaPodNotReady', KafkaCluster.podMatchers, 'Kafka', 'broker-lost'),
      notReady(
        'TaskstreamElasticsearchPodNotReady',
        ElasticsearchCluster.podMatchers,
        'Elasticsearch',
        'elasticsearch',
      ),
      notReady('TaskstreamPostgresPodNotReady', PostgresCluster.podMatchers, 'PostgreSQL', 'restore-postgres'),
      {
        alert: 'TaskstreamVolumeFillsUp',
        expr: `min by (namespace, persistentvolumeclaim) (${series('kubelet_volume_stats_available_bytes')} / ${series('kubelet_volume_stats_capacity_bytes')}) < ${MIN_FREE_RATIO}`,
        for: '10m',
        severity: 'critical',
        summary: 'The volume of a server is nearly full',
        description: '{{ $labels.persistentvolumeclaim }} has {{ $value | humanizePercentage }} left.',
        runbook: 'elasticsearch',
      },
      {
        alert: 'TaskstreamVolumeWillBeFull',
        expr: `min by (namespace, persistentvolumeclaim) (predict_linear(${series('kubelet_volume_stats_available_bytes')}[1h], ${AHEAD_SECONDS})) < 0`,
        for: '15m',
        severity: 'critical',
        summary: 'The volume of a server will be full within hours',
        description: '{{ $labels.persistentvolumeclaim }} is full in 4 hours at the rate of the last one.',
        runbook: 'outbox-grows',
      },
    ],
  };
};
