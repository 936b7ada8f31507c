/** Two indexers become six, and two again. */
import { addSome, stopGracefully, type Fault } from './fault.ts';

const MOST = 6;

export const scale: Fault = {
  name: 'scale',
  graceful: true,
  touches: ['indexers'],
  inject: async ({ indexers, startIndexer }) => {
    await stopGracefully(await addSome(indexers, MOST - indexers.length, startIndexer));
  },
};
