/** One more API comes and publishes beside the others, and kill -9 ends it. */
import { killProcess } from '../../support/process.ts';
import { addRelay } from './add-relay.ts';
import type { Fault } from './fault.ts';

export const killAddedRelay: Fault = {
  name: 'kill-added-relay',
  graceful: false,
  touches: ['apis'],
  inject: async (world, random) => {
    await Promise.all((await addRelay(world, random)).map(killProcess));
  },
};
