/** Repairs what killed runs have left behind, before anything else. */
import type { Client } from '@elastic/elasticsearch';
import { TaskstreamError } from '../../platform/errors.ts';
import { readCatalog, type Catalog } from './catalog.ts';
import { servingAlias } from '../index/deletion.ts';
import { writeMeta } from '../index/meta.ts';
import { unblockWrites } from './switch.ts';

/**
 * Lifts a write block that a switch has left, records a switch that was done but not recorded, and deletes what was
 * never complete. @returns the catalog after that
 * @throws TaskstreamError `precondition_failed` when somebody else has blocked the writes
 */
export const repairLeftovers = async (
  client: Client,
  alias: string,
  note: (line: string) => void,
): Promise<Catalog> => {
  const { live, indices } = await readCatalog(client, alias);
  if (live.isWriteBlocked) {
    if (!indices.some(({ meta }) => meta?.switchingFrom === live.name)) {
      throw new TaskstreamError(
        'precondition_failed',
        `${live.name} takes no writes, and no reindex has blocked them. Find out who did and why; to lift the block: ` +
          `PUT /${live.name}/_settings {"index.blocks.write": null}`,
      );
    }
    await unblockWrites(client, live.name);
    note(`${live.name} takes writes again: an earlier run was killed during its switch`);
  }
  for (const { name, isLive, meta } of indices) {
    if (meta === undefined) continue;
    const { switchingFrom, ...rest } = meta;
    if (isLive && (switchingFrom !== undefined || meta.state === 'building')) {
      await writeMeta(client, name, { ...rest, state: 'complete', previous: switchingFrom ?? meta.previous });
    } else if (meta.state === 'building') {
      await removeUnfinished(client, alias, live.name, name);
      note(`deleted ${name}, which an earlier run left incomplete`);
    } else if (switchingFrom !== undefined) await writeMeta(client, name, rest);
  }
  return readCatalog(client, alias);
};

/**
 * Deletes an index that never served. In one step with the alias set to the index that does: should a switch that was
 * given up have come about after all, the alias would not be left without an index.
 */
export const removeUnfinished = async (
  client: Client,
  alias: string,
  live: string,
  unfinished: string,
): Promise<void> => {
  await client.indices.updateAliases({
    actions: [{ add: servingAlias(live, alias) }, { remove_index: { index: unfinished } }],
  });
};
