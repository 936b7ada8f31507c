/** Events that were published come again, in another order. */
import type { Fault } from './fault.ts';
import { toRecord } from './records.ts';

const MOST = 500;

export const repeatEvents: Fault = {
  name: 'repeat-events',
  graceful: false,
  touches: ['topic'],
  inject: async ({ topics }, random) => {
    const events = await topics.readAll(topics.tasks);
    if (events.length === 0) return;
    const again = Array.from({ length: Math.min(MOST, events.length) }, () => toRecord(random.pick(events)));
    await topics.produce(again);
  },
};
