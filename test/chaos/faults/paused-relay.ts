/**
 * The process of an active relay stands still, and the sessions of all end, as a dead connection's does in the end.
 * Others take over; then the first one goes on, and may publish behind its successor's back what it had read.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { activeRelay, type Fault } from './fault.ts';

export const pausedRelay: Fault = {
  name: 'paused-relay',
  graceful: false,
  touches: ['apis', 'postgres'],
  inject: async (world, random) => {
    const { pid } = await activeRelay(world, random);
    process.kill(pid, 'SIGSTOP');
    try {
      await world.database.pool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_locks
         WHERE locktype = 'advisory' AND granted
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      );
      await sleep(random.int(1_000, 4_000));
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  },
};
