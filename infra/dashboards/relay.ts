/** From the outbox to Kafka. */
import { quantile, rate, series, warnAt, type Row } from './panel.ts';

export const relay: Row = {
  title: 'Outbox and relay',
  panels: [
    {
      title: 'Oldest unpublished change',
      description:
        'How long the oldest change has waited for Kafka. Normally some milliseconds; an alert comes at a minute.',
      kind: 'timeseries',
      unit: 's',
      thresholds: warnAt(10, 60),
      runbook: 'outbox-grows',
      queries: [{ expr: `max(${series('taskstream_outbox_oldest_age_seconds')})`, legend: 'age' }],
    },
    {
      title: 'Unpublished changes',
      description: 'Rows in the outbox.',
      kind: 'timeseries',
      unit: 'short',
      runbook: 'outbox-grows',
      queries: [{ expr: `max(${series('taskstream_outbox_rows')})`, legend: 'rows' }],
    },
    {
      title: 'Active relays',
      description: 'One, or as many as RELAY_LANES says and replicas are there.',
      kind: 'stat',
      unit: 'short',
      base: 'red',
      thresholds: [{ value: 1, colour: 'green' }],
      runbook: 'outbox-grows',
      queries: [{ expr: `sum(${series('taskstream_relay_leader')})`, legend: 'active' }],
    },
    {
      title: 'Parts of the outbox with a relay',
      description: 'Must be 64: the slots that the relays share.',
      kind: 'stat',
      unit: 'short',
      base: 'red',
      thresholds: [
        { value: 64, colour: 'green' },
        { value: 65, colour: 'red' },
      ],
      runbook: 'outbox-grows',
      queries: [{ expr: `sum(${series('taskstream_relay_slots')})`, legend: 'slots' }],
    },
    {
      title: 'Published events',
      description: 'Events a second that Kafka confirmed, and failures.',
      kind: 'timeseries',
      unit: 'ops',
      runbook: 'broker-lost',
      queries: [
        { expr: `sum by (entity) (${rate('taskstream_relay_published_total')})`, legend: '{{entity}}: published' },
        { expr: `sum by (entity) (${rate('taskstream_relay_failures_total')})`, legend: '{{entity}}: failures' },
      ],
    },
    {
      title: 'Time until Kafka confirms, 99th percentile',
      description: 'For one chunk of events.',
      kind: 'timeseries',
      unit: 's',
      thresholds: warnAt(0.3, 3),
      runbook: 'broker-lost',
      queries: [{ expr: quantile(0.99, 'taskstream_relay_chunk_duration_seconds'), legend: 'chunk' }],
    },
    {
      title: 'Events in a chunk',
      description: 'Events that the relay publishes at once, on average.',
      kind: 'timeseries',
      unit: 'short',
      queries: [
        {
          expr: `sum(${rate('taskstream_relay_chunk_events_sum')}) / sum(${rate('taskstream_relay_chunk_events_count')})`,
          legend: 'events',
        },
      ],
    },
  ],
};
