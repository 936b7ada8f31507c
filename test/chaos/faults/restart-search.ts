/** Elasticsearch is killed, and comes back after a moment. */
import type { Fault } from './fault.ts';

export const restartSearch: Fault = {
  name: 'restart-search',
  graceful: false,
  inject: async ({ servers }, random) => {
    await servers.restart('elasticsearch', random.int(0, 3_000));
    return undefined;
  },
};
