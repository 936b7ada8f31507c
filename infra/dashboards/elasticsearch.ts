/** Elasticsearch as it sees itself, where it has an exporter; infra/alerts/servers.ts says where the metrics come from. */
import { rate, series, warnAt, type Row } from './panel.ts';

const health = (figure: string): string => `max(${series(`elasticsearch_cluster_health_${figure}`)})`;

export const elasticsearch: Row = {
  title: 'Elasticsearch, with an exporter',
  panels: [
    {
      title: 'Shards on the way',
      description:
        'Without a place for long: a node is missing, or a disk is full. The others move or fill up, and end.',
      kind: 'timeseries',
      unit: 'short',
      runbook: 'elasticsearch',
      queries: [
        { expr: health('unassigned_shards'), legend: 'without a place' },
        { expr: health('initializing_shards'), legend: 'being filled' },
        { expr: health('relocating_shards'), legend: 'moving' },
      ],
    },
    {
      title: 'Disk of nodes',
      description: 'Share that is used. At 90 % a node gives its shards away, at 95 % the index takes no writes.',
      kind: 'timeseries',
      unit: 'percentunit',
      thresholds: warnAt(0.8, 0.88),
      runbook: 'elasticsearch',
      queries: [
        {
          expr: `max by (name) (1 - ${series('elasticsearch_filesystem_data_available_bytes')} / ${series('elasticsearch_filesystem_data_size_bytes')})`,
          legend: '{{name}}',
        },
      ],
    },
    {
      title: 'Heap of nodes',
      description: 'Share that is used. It goes up and down; what stays after each collection counts.',
      kind: 'timeseries',
      unit: 'percentunit',
      runbook: 'elasticsearch',
      queries: [
        {
          expr: `max by (name) (${series('elasticsearch_jvm_memory_used_bytes', 'area="heap"')} / ${series('elasticsearch_jvm_memory_max_bytes', 'area="heap"')})`,
          legend: '{{name}}',
        },
      ],
    },
    {
      title: 'Requests that nodes refuse',
      description:
        'A second: a queue is full, or memory would not suffice. Indexers try again, which the panel of writes that wait shows.',
      kind: 'timeseries',
      unit: 'ops',
      runbook: 'elasticsearch',
      queries: [
        {
          expr: `max by (name, type) (${rate('elasticsearch_thread_pool_rejected_count', 'type=~"write|search"')})`,
          legend: '{{name}} queue of {{type}}',
        },
        {
          expr: `max by (name) (${rate('elasticsearch_breakers_tripped', 'breaker="parent"')})`,
          legend: '{{name}} memory',
        },
      ],
    },
  ],
};
