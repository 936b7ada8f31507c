/**
 * The versions that the index remembers of what it refuses. Of a deleted document there is no other way to ask:
 * Elasticsearch keeps its version for `index.gc_deletes`, and tells it in the conflict only.
 */
import type { Client } from '@elastic/elasticsearch';
import type { IndexOperation } from '../index/operation.ts';

/** As `VersionType.EXTERNAL` of Elasticsearch explains a conflict. */
const CONFLICT = /current version \[(\d+)\] is higher or equal to the one provided/;

/**
 * Tries the operations once more, and reads the answers.
 * @returns the remembered version of each that is refused; one that went in needs none
 */
export const rememberedVersions = async (
  client: Client,
  alias: string,
  operations: readonly IndexOperation[],
): Promise<ReadonlyMap<string, number>> => {
  const found = new Map<string, number>();
  if (operations.length === 0) return found;
  const { items } = await client.bulk({
    index: alias,
    require_alias: true,
    operations: operations.flatMap((operation) => {
      const target = { _id: operation.id, version: operation.version, version_type: 'external' };
      return operation.kind === 'index'
        ? [JSON.stringify({ index: target }), JSON.stringify(operation.document)]
        : [JSON.stringify({ delete: target })];
    }),
  });
  for (const { index, delete: deleted } of items) {
    const item = index ?? deleted;
    const version = CONFLICT.exec(item?.error?.reason ?? '')?.[1];
    if (item?._id && version !== undefined) found.set(item._id, Number(version));
  }
  return found;
};
