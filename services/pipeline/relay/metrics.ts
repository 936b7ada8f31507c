/** What the outbox and its relay tell Prometheus. */
import type { Pool } from 'pg';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { sharedRead } from '../../platform/shared-read.ts';
import { readOutbox } from '../write/outbox.ts';

export type RelayMetrics = ReturnType<typeof createRelayMetrics>;

export const createRelayMetrics = (registry: Registry) => {
  const registers = [registry];
  return {
    leader: new Gauge({
      name: 'taskstream_relay_leader',
      help: '1 in the process whose relay is active.',
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
      help: 'Chunks in which an event of the entity was not confirmed, and lost database sessions, which count for every entity.',
      labelNames: ['entity'],
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

/** Gauges of the outbox, asked for when Prometheus scrapes; a database that does not answer leaves the last figures. */
export const observeOutbox = (pool: Pool, registry: Registry): void => {
  const read = sharedRead(() => readOutbox(pool));
  new Gauge({
    name: 'taskstream_outbox_oldest_age_seconds',
    help: 'Age of the oldest change that the broker has not confirmed.',
    registers: [registry],
    async collect() {
      const outbox = await read();
      if (outbox !== undefined) this.set(outbox.oldestAgeSeconds);
    },
  });
  new Gauge({
    name: 'taskstream_outbox_rows',
    help: 'Changes that the broker has not confirmed.',
    registers: [registry],
    async collect() {
      const outbox = await read();
      if (outbox !== undefined) this.set(outbox.depth);
    },
  });
};
