/** What the outbox and its relay tell Prometheus. */
import type { Pool } from 'pg';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { sharedRead } from '../../platform/shared-read.ts';
import { readOutbox, type OutboxBound, type OutboxState } from '../write/outbox.ts';

export type RelayMetrics = ReturnType<typeof createRelayMetrics>;

export const createRelayMetrics = (registry: Registry) => {
  const registers = [registry];
  return {
    leader: new Gauge({
      name: 'taskstream_relay_leader',
      help: '1 in a process whose relay is active; as many are as RELAY_LANES says, or as there are replicas.',
      registers,
    }),
    slots: new Gauge({
      name: 'taskstream_relay_slots',
      help: 'Parts of the outbox, of 64, that this process publishes.',
      registers,
    }),
    published: new Counter({
      name: 'taskstream_relay_published_total',
      help: 'Events that the broker confirmed.',
      labelNames: ['entity'],
      registers,
    }),
    failures: new Counter({
      name: 'taskstream_relay_failures_total',
      help: 'Events that the broker did not confirm, and lost database sessions, which count for every entity.',
      labelNames: ['entity'],
      registers,
    }),
    refused: new Counter({
      name: 'taskstream_relay_refused_total',
      help: 'Changes that Kafka refused for good, and that were set aside.',
      labelNames: ['entity'],
      registers,
    }),
    held: new Gauge({
      name: 'taskstream_relay_held_row',
      help: '1 for each row that is retried, with what it holds back and why; at most 20 of each relay.',
      labelNames: ['row', 'id', 'scope', 'reason'],
      registers,
    }),
    chunkEvents: new Histogram({
      name: 'taskstream_relay_chunk_events',
      help: 'Events published at once.',
      buckets: [1, 3, 10, 30, 100, 300, 1_000, 3_000],
      registers,
    }),
    chunkDuration: new Histogram({
      name: 'taskstream_relay_chunk_duration_seconds',
      help: 'Time until the broker confirmed a chunk.',
      buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30],
      registers,
    }),
  };
};

/**
 * Gauges of the outbox, asked for when Prometheus scrapes. What the database does not answer is absent: the last figure
 * would say that all is as it was, and an alert on it could not fire.
 */
export const observeOutbox = (pool: Pool, registry: Registry, bound: Pick<OutboxBound, 'maxRows'>): void => {
  new Gauge({
    name: 'taskstream_outbox_max_rows',
    help: 'Changes that may wait, by their number and their size; past it, writes are refused.',
    registers: [registry],
    collect() {
      this.set(bound.maxRows());
    },
  });
  const read = sharedRead(() => readOutbox(pool));
  const observe = (name: string, help: string, valueOf: (outbox: OutboxState) => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        const outbox = await read();
        if (outbox === undefined) this.remove();
        else this.set(valueOf(outbox));
      },
    });
  };
  observe(
    'taskstream_outbox_oldest_age_seconds',
    'Age of the oldest change that the broker has not confirmed; absent while it cannot be measured.',
    ({ oldestAgeSeconds }) => oldestAgeSeconds,
  );
  observe(
    'taskstream_outbox_rows',
    'Changes that the broker has not confirmed; absent while they cannot be counted.',
    ({ depth }) => depth,
  );
  observe(
    'taskstream_outbox_refused_rows',
    'Changes that Kafka refused for good, and that were set aside; absent while they cannot be counted.',
    ({ refused }) => refused,
  );
};
