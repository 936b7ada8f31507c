/** All benches, in the order they run. Each is loaded when it runs: a help must not load the clients of servers. */
import type { Bench } from './bench.ts';

export interface ListedBench {
  /** How `--only` calls it. */
  readonly name: string;
  readonly description: string;
  readonly load: () => Promise<Bench>;
}

export const BENCHES: readonly ListedBench[] = [
  {
    name: 'http',
    description: 'create, update, read, list and search against connections',
    load: async () => (await import('./http.ts')).http,
  },
  {
    name: 'cost',
    description: 'CPU of each process for a create, until it is in the index',
    load: async () => (await import('./cost.ts')).cost,
  },
  {
    name: 'auth',
    description: 'CPU of a create and a search with access tokens and owners, and without',
    load: async () => (await import('./auth.ts')).auth,
  },
  {
    name: 'relay',
    description: 'events a second from a full outbox to Kafka',
    load: async () => (await import('./relay.ts')).relay,
  },
  {
    name: 'producer',
    description: 'the Kafka client with fewer headers, other waits, chunks and compression',
    load: async () => (await import('./producer.ts')).producer,
  },
  {
    name: 'indexer',
    description: 'events a second from a full topic to Elasticsearch',
    load: async () => (await import('./indexer.ts')).indexer,
  },
  {
    name: 'freshness',
    description: 'time from acknowledged to searchable, under load and of a change that comes alone',
    load: async () => (await import('./freshness.ts')).freshness,
  },
  {
    name: 'scaling',
    description: 'how long changes wait while indexers come and go',
    load: async () => (await import('./scaling.ts')).scaling,
  },
  {
    name: 'stop',
    description: 'SIGTERM to exit under full load, and cold start',
    load: async () => (await import('./stop.ts')).stop,
  },
  {
    name: 'memory',
    description: 'resident memory over 1,000,000 events, and CPU when idle',
    load: async () => (await import('./memory.ts')).memory,
  },
  {
    name: 'ops',
    description: 'reindex and verify against the number of tasks',
    load: async () => (await import('./ops.ts')).ops,
  },
  {
    name: 'held',
    description: 'the relay with up to 5,000,000 dead rows in the outbox under a held snapshot',
    load: async () => (await import('./held-snapshot.ts')).heldSnapshot,
  },
];
