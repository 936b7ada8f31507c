/** The clocks of services and database jump, forward and back, by up to three hours. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from './fault.ts';

const MOST_MS = 3 * 60 * 60 * 1_000;

export const stepClock: Fault = {
  name: 'step-clock',
  graceful: true,
  touches: ['clock', 'postgres'],
  inject: async ({ clock }, random) => {
    for (let round = 0; round < 3; round += 1) {
      await clock.step(random.int(-MOST_MS, MOST_MS));
      await sleep(random.int(500, 2_000));
    }
    await clock.step(0);
  },
};
