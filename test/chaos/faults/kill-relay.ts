/** kill -9 of the API whose relay is the active one. */
import { activeRelay, killOneOf, type Fault } from './fault.ts';

export const killRelay: Fault = {
  name: 'kill-relay',
  graceful: false,
  touches: ['apis'],
  inject: async (world, random) => {
    await killOneOf(world.apis, await activeRelay(world, random), world.startApi);
  },
};
