/** `reindex list`: the indices of the alias, each with what it is. */
import { readCatalog, type CatalogEntry } from './catalog.ts';
import type { ReindexContext } from './context.ts';
import { isReindexRunning } from './lock.ts';

export interface ListedIndex {
  readonly index: string;
  /** `live` serves, `previous` is where a rollback goes, `building` is being filled, `interrupted` never will be. */
  readonly state: 'live' | 'previous' | 'kept' | 'building' | 'interrupted';
  readonly alias: string | null;
  readonly isWriteBlocked: boolean;
  readonly isDiskFull: boolean;
  readonly documents: number;
  readonly bytes: number;
  readonly source: 'postgres' | 'topic' | null;
  readonly startedAt: string | null;
  readonly switchedAt: string | null;
}

export const listIndices = async ({
  client,
  pool,
  entity,
}: Pick<ReindexContext, 'client' | 'pool' | 'entity'>): Promise<readonly ListedIndex[]> => {
  const { live, indices } = await readCatalog(client, entity.alias);
  const isRunning = await isReindexRunning(pool);
  const names = indices.map(({ name }) => name);
  const stats = await client.indices.stats({ index: names, metric: ['docs', 'store'] });
  return indices.map((entry) => {
    const { name, isLive, isWriteBlocked, isDiskFull, meta } = entry;
    const primaries = stats.indices?.[name]?.primaries;
    return {
      index: name,
      state: stateOf(entry, live, isRunning),
      alias: isLive ? entity.alias : null,
      isWriteBlocked,
      isDiskFull,
      documents: primaries?.docs?.count ?? 0,
      bytes: stats.indices?.[name]?.total?.store?.size_in_bytes ?? 0,
      source: meta?.source ?? null,
      startedAt: meta?.startedAt ?? null,
      switchedAt: meta?.switchedAt ?? null,
    };
  });
};

const stateOf = (
  { name, isLive, meta }: CatalogEntry,
  live: CatalogEntry,
  isRunning: boolean,
): ListedIndex['state'] => {
  if (isLive) return 'live';
  if (meta?.state === 'building') return isRunning ? 'building' : 'interrupted';
  return live.meta?.previous === name ? 'previous' : 'kept';
};
