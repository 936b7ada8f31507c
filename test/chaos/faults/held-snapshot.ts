/** A dump's snapshot is held: no row that was published can be removed, and the outbox fills with dead ones. */
import { createMany, drained } from './fill-outbox.ts';
import type { Fault } from './fault.ts';

const ROWS = 20_000;

export const heldSnapshot: Fault = {
  name: 'held-snapshot',
  graceful: true,
  touches: ['links', 'kafka', 'postgres', 'apis', 'topic', 'clock'],
  inject: async (world, _random, history) => {
    const holder = await world.database.pool.connect();
    try {
      await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      await holder.query('SELECT FROM outbox LIMIT 1');
      await createMany(world, history, ROWS);
      await drained(world);
      await holder.query('COMMIT');
    } finally {
      holder.release(true);
    }
  },
};
