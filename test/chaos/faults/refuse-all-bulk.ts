/** Requests to the index are refused as a whole or item by item, for a reason that no event is the cause of. */
import { setTimeout as sleep } from 'node:timers/promises';
import { servingAlias } from '../../../services/pipeline/index/deletion.ts';
import type { World } from '../world.ts';
import type { Fault } from './fault.ts';

const error = JSON.stringify({
  error: { type: 'illegal_argument_exception', reason: 'not by this server' },
  status: 400,
});
const refusal =
  'HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nx-elastic-product: Elasticsearch\r\n' +
  `content-length: ${error.length}\r\nconnection: close\r\n\r\n${error}`;

/** A proxy, or a server of another version, refuses what the indexer sends. */
const requests = ({ servers }: World) => ({
  begin: () => servers.setLink('indexer-elasticsearch', { kind: 'answer', bytes: refusal }),
  end: () => servers.setLink('indexer-elasticsearch', { kind: 'open' }),
});

/** An alias without a write index refuses each item. */
const items = ({ index: { client, index, alias } }: World) => {
  const set = async (isWriteIndex: boolean): Promise<void> => {
    await client.indices.updateAliases({
      actions: [{ add: { ...servingAlias(index, alias), is_write_index: isWriteIndex } }],
    });
  };
  return { begin: () => set(false), end: () => set(true) };
};

export const refuseAllBulk: Fault = {
  name: 'refuse-all-bulk',
  // A request that was sent when it began gets this answer too, although its writes may have happened.
  graceful: false,
  touches: ['links', 'elasticsearch', 'index'],
  inject: async (world, random) => {
    const { begin, end } = random.pick([requests, items])(world);
    await begin();
    await sleep(random.int(1_000, 5_000));
    await end();
  },
};
