/** Connections between two parts become slow, as over a bad network. */
import { setTimeout as sleep } from 'node:timers/promises';
import { pickLink } from './cut-connections.ts';
import type { Fault } from './fault.ts';

export const slowConnections: Fault = {
  name: 'slow-connections',
  graceful: false,
  touches: ['links'],
  inject: async (world, random) => {
    for (let round = 0; round < 2; round += 1) {
      const set = pickLink(world, random);
      await set({ kind: 'slow', delayMs: random.int(50, 800) });
      await sleep(random.int(1_000, 4_000));
      await set({ kind: 'open' });
    }
  },
};
