/** Two indexers become six, and two again. */
import { stopProcess } from '../../support/process.ts';
import type { Fault } from './fault.ts';

const MOST = 6;

export const scale: Fault = {
  name: 'scale',
  graceful: true,
  touches: ['indexers'],
  inject: async ({ indexers, startIndexer }) => {
    const before = indexers.length;
    await Promise.all(Array.from({ length: MOST - before }, startIndexer));
    const leaving = indexers.splice(before);
    for (const { code } of await Promise.all(leaving.map(stopProcess))) {
      if (code !== 0) throw new Error(`a graceful stop ended with ${code}`);
    }
  },
};
