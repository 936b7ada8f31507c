/** Elasticsearch stands still. */
import { pauseServer, type Fault } from './fault.ts';

export const pauseSearch: Fault = {
  name: 'pause-search',
  graceful: false,
  touches: ['elasticsearch', 'index'],
  inject: async (world, random) => {
    await pauseServer(world, 'elasticsearch', random.int(2_000, 8_000));
  },
};
