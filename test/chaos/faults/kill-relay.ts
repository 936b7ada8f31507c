/** kill -9 of an API whose relay is active. */
import { activeRelay, killOneOf, type Fault } from './fault.ts';

export const killRelay: Fault = {
  name: 'kill-relay',
  graceful: false,
  touches: ['apis'],
  inject: async (world, random) => {
    await killOneOf(world.apis, await activeRelay(world, random), world.startApi);
  },
};
