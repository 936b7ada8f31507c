/** SIGTERM to one service after the other, a new one for each, as rolling updates do. */
import { stopGracefully, type Fault } from './fault.ts';

export const stopStorm: Fault = {
  name: 'stop-storm',
  graceful: true,
  touches: ['apis', 'indexers'],
  inject: async (world, random) => {
    for (let round = 0; round < 3; round += 1) {
      const isApi = random.chance(40);
      const list = isApi ? world.apis : world.indexers;
      const victim = random.pick(list);
      // The new one first, as a rolling update does it.
      await (isApi ? world.startApi() : world.startIndexer());
      list.splice(list.indexOf(victim), 1);
      await stopGracefully([victim]);
    }
  },
};
