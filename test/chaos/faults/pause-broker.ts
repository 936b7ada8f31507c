/** The broker stands still for longer than a session lasts. */
import { pauseServer, type Fault } from './fault.ts';

export const pauseBroker: Fault = {
  name: 'pause-broker',
  graceful: false,
  touches: ['kafka', 'topic'],
  inject: async (world, random) => {
    await pauseServer(world, 'kafka', random.int(7_000, 10_000));
  },
};
