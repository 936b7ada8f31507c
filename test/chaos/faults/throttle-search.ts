/** Elasticsearch, or what stands before it, answers whole requests with 429 or 503. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from './fault.ts';

const answers = ['429 Too Many Requests', '503 Service Unavailable'].map(
  (status) => `HTTP/1.1 ${status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`,
);

export const throttleSearch: Fault = {
  name: 'throttle-search',
  // A request that was sent when it began gets this answer too, although its writes may have happened.
  graceful: false,
  touches: ['links'],
  inject: async ({ servers }, random) => {
    const bytes = random.pick(answers);
    for (const link of ['indexer-elasticsearch', 'api-elasticsearch'] as const) {
      await servers.setLink(link, { kind: 'answer', bytes });
    }
    await sleep(random.int(1_000, 6_000));
    for (const link of ['indexer-elasticsearch', 'api-elasticsearch'] as const) {
      await servers.setLink(link, { kind: 'open' });
    }
  },
};
