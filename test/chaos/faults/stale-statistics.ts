/** PostgreSQL takes the outbox for empty, as it was when it was analysed, and a backlog stands in it. */
import { createMany, drained } from './fill-outbox.ts';
import type { Fault } from './fault.ts';

const ROWS = 20_000;

export const staleStatistics: Fault = {
  name: 'stale-statistics',
  // As in `fill-outbox`.
  graceful: false,
  touches: ['links', 'kafka', 'postgres', 'apis', 'topic', 'clock'],
  inject: async (world, _random, history) => {
    const { servers, database } = world;
    await database.pool.query('ALTER TABLE outbox SET (autovacuum_enabled = false)');
    await database.pool.query('VACUUM ANALYZE outbox');
    await servers.setLink('api-kafka', { kind: 'cut' });
    await createMany(world, history, ROWS);
    await servers.setLink('api-kafka', { kind: 'open' });
    await drained(world);
    await database.pool.query('ALTER TABLE outbox RESET (autovacuum_enabled)');
  },
};
