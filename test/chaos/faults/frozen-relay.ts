/**
 * The process of an active relay stands still until PostgreSQL has ended its session by itself and others have taken over
 * all that it published; then it wakes, with a session that is gone and records that may have waited for a minute.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SLOTS } from '../../../services/pipeline/relay/session.ts';
import { waitFor } from '../../support/wait.ts';
import { activeRelay, type Fault } from './fault.ts';

export const frozenRelay: Fault = {
  name: 'frozen-relay',
  graceful: false,
  touches: ['apis', 'postgres'],
  inject: async (world, random) => {
    const frozen = await activeRelay(world, random);
    const others = world.apis.filter((api) => api !== frozen);
    process.kill(frozen.pid, 'SIGSTOP');
    try {
      await waitFor(
        'others to publish all',
        async () => {
          const slots = await Promise.all(others.map((api) => api.metric('taskstream_relay_slots')));
          return slots.reduce((sum, count) => sum + count, 0) === SLOTS;
        },
        { timeoutMs: 60_000 },
      );
      await sleep(random.int(0, 5_000));
    } finally {
      process.kill(frozen.pid, 'SIGCONT');
    }
  },
};
