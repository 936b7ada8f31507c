/** The processes themselves. */
import { rate, series, warnAt, type Row } from './panel.ts';

export const runtime: Row = {
  title: 'Processes',
  panels: [
    {
      title: 'CPU',
      description: 'Cores that each process uses.',
      kind: 'timeseries',
      unit: 'short',
      queries: [{ expr: rate('process_cpu_seconds_total'), legend: '{{pod}}' }],
    },
    {
      title: 'Memory',
      description: 'Resident memory of each process.',
      kind: 'timeseries',
      unit: 'bytes',
      queries: [{ expr: series('process_resident_memory_bytes'), legend: '{{pod}}' }],
    },
    {
      title: 'Event loop delay, 99th percentile',
      description: 'How long a process is late with everything. Above a tenth of a second it has too much to do.',
      kind: 'timeseries',
      unit: 's',
      thresholds: warnAt(0.1, 1),
      queries: [{ expr: series('nodejs_eventloop_lag_p99_seconds'), legend: '{{pod}}' }],
    },
    {
      title: 'Time for garbage collection',
      description: 'Share of the time. Much of it means that memory is short.',
      kind: 'timeseries',
      unit: 'percentunit',
      thresholds: warnAt(0.05, 0.2),
      queries: [{ expr: `sum by (pod) (${rate('nodejs_gc_duration_seconds_sum')})`, legend: '{{pod}}' }],
    },
    {
      title: 'Dropped connections',
      description:
        'Connections a second that an API closed because it had too many: of MAX_CONNECTIONS, or of files that it may open.',
      kind: 'timeseries',
      unit: 'short',
      thresholds: warnAt(0.001, 100),
      queries: [{ expr: rate('taskstream_http_connections_dropped_total'), legend: '{{pod}}' }],
    },
    {
      title: 'Dropped log lines',
      description:
        'Lines a second that nobody read fast enough: the log collector of the node is slow or stands still.',
      kind: 'timeseries',
      unit: 'short',
      thresholds: warnAt(0.001, 100),
      queries: [{ expr: rate('taskstream_log_lines_dropped_total'), legend: '{{pod}}' }],
    },
    {
      title: 'CPU throttling',
      description: 'Share of periods in which the kernel held a container back: its CPU limit is too low.',
      kind: 'timeseries',
      unit: 'percentunit',
      thresholds: warnAt(0.1, 0.5),
      queries: [
        {
          expr: `sum by (pod) (${rate('container_cpu_cfs_throttled_periods_total')}) / sum by (pod) (${rate('container_cpu_cfs_periods_total')})`,
          legend: '{{pod}}',
        },
      ],
    },
    {
      title: 'Free space of volumes',
      description: 'Share of each volume that is left. Elasticsearch stops taking writes at 5 %.',
      kind: 'timeseries',
      unit: 'percentunit',
      base: 'red',
      thresholds: [
        { value: 0.15, colour: 'yellow' },
        { value: 0.3, colour: 'green' },
      ],
      runbook: 'elasticsearch',
      queries: [
        {
          expr: `min by (persistentvolumeclaim) (${series('kubelet_volume_stats_available_bytes')} / ${series('kubelet_volume_stats_capacity_bytes')})`,
          legend: '{{persistentvolumeclaim}}',
        },
      ],
    },
  ],
};
