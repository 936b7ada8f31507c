/** Two indexers become six, and two again. */
import { stopGracefully, type Fault } from './fault.ts';

const MOST = 6;

export const scale: Fault = {
  name: 'scale',
  graceful: true,
  touches: ['indexers'],
  inject: async ({ indexers, startIndexer }) => {
    const before = indexers.length;
    await Promise.all(Array.from({ length: MOST - before }, startIndexer));
    const leaving = indexers.splice(before);
    await stopGracefully(leaving);
  },
};
