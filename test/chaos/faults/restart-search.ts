/** Elasticsearch is killed, and comes back after a moment. */
import type { Fault } from './fault.ts';

export const restartSearch: Fault = {
  name: 'restart-search',
  graceful: false,
  touches: ['elasticsearch', 'index'],
  inject: async ({ servers }, random) => {
    await servers.restart('elasticsearch', random.int(0, 3_000), 'SIGKILL');
  },
};
