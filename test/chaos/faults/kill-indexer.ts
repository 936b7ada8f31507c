/** kill -9 of an indexer in mid-batch. */
import { killOneOf, type Fault } from './fault.ts';

export const killIndexer: Fault = {
  name: 'kill-indexer',
  graceful: false,
  touches: ['indexers'],
  inject: async ({ indexers, startIndexer }, random) => {
    await killOneOf(indexers, random.pick(indexers), startIndexer);
  },
};
