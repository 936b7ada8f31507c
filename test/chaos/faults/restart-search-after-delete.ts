/**
 * Elasticsearch is killed, and forgets the versions of deleted documents, which it keeps in memory only. Then older events of
 * deleted tasks come again.
 */
import type { Fault } from './fault.ts';
import { repeatBeforeDeletions } from './records.ts';

export const restartSearchAfterDelete: Fault = {
  name: 'restart-search-after-delete',
  graceful: false,
  touches: ['elasticsearch', 'index', 'topic'],
  inject: async ({ servers, topics }, random) => {
    await servers.restart('elasticsearch', random.int(0, 3_000), 'SIGKILL');
    await repeatBeforeDeletions(topics, random);
  },
};
