/** The indices of an alias: their names, which of them serves, what each is; and the end of those that do not. */
import type { Client, estypes } from '@elastic/elasticsearch';
import { TaskstreamError } from '../../platform/errors.ts';
import { decodeMeta, type IndexMeta } from '../index/meta.ts';
import { indexNameOf } from '../topics.ts';
import type { ReindexContext } from './context.ts';
import { isReindexRunning, withReindexLock } from './lock.ts';

/** The number in the name of an index of `alias`; nothing for an index of another kind. */
export const numberOf = (alias: string, index: string): number | undefined => {
  const digits = index.startsWith(`${alias}-`) ? index.slice(alias.length + 1) : '';
  return /^\d{6,}$/.test(digits) ? Number(digits) : undefined;
};

/** A name above all that exist, so that no index ever takes the name of an older one. */
export const nextIndexOf = (alias: string, existing: readonly string[]): string =>
  indexNameOf(alias, Math.max(0, ...existing.map((index) => numberOf(alias, index) ?? 0)) + 1);

export interface CatalogEntry {
  readonly name: string;
  readonly isLive: boolean;
  readonly isWriteBlocked: boolean;
  /** Elasticsearch itself takes no writes to it, as a disk is nearly full. */
  readonly isDiskFull: boolean;
  readonly meta: IndexMeta | undefined;
}

export interface Catalog {
  /** The index behind the alias. */
  readonly live: CatalogEntry;
  /** All of them, oldest first. */
  readonly indices: readonly CatalogEntry[];
}

/** @throws TaskstreamError `precondition_failed` when not exactly one index is behind the alias */
export const readCatalog = async (client: Client, alias: string): Promise<Catalog> => {
  const found = await client.indices.get({
    index: [alias, `${alias}-*`],
    // The error below explains an alias that does not exist yet.
    ignore_unavailable: true,
    allow_no_indices: true,
  });
  const indices = Object.entries(found)
    .map(([name, state]) => toEntry(name, state, alias))
    .filter(({ name, isLive }) => isLive || numberOf(alias, name) !== undefined)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const [live, ...others] = indices.filter(({ isLive }) => isLive);
  if (live === undefined) {
    const names = indices.map(({ name }) => name).join(', ');
    throw new TaskstreamError(
      'precondition_failed',
      `There is no alias ${alias}` +
        (names === ''
          ? ': run ops migrate, which creates the first index, or correct the alias in the settings.'
          : `, but ${names}: give the alias back to the one that served (docs/runbooks/search-breaker-open.md).`),
    );
  }
  if (others.length > 0) {
    const names = [live, ...others].map(({ name }) => name).join(', ');
    throw new TaskstreamError(
      'precondition_failed',
      `The alias ${alias} points to several indices (${names}): remove it from all but one first.`,
    );
  }
  return { live, indices };
};

const toEntry = (name: string, state: estypes.IndicesIndexState, alias: string): CatalogEntry => ({
  name,
  isLive: state.aliases !== undefined && alias in state.aliases,
  // Elasticsearch answers with text, whatever was set.
  isWriteBlocked: String(state.settings?.index?.blocks?.write) === 'true',
  isDiskFull: String(state.settings?.index?.blocks?.read_only_allow_delete) === 'true',
  meta: decodeMeta(state.mappings?._meta),
});

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

/** `reindex list`: the indices of the alias, each with what it is. */
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

/**
 * `reindex discard`: deletes an index that does not serve.
 * @throws TaskstreamError `precondition_failed` when it serves, does not exist, or a reindex is running
 */
export const discardIndex = (
  { client, config, entity }: Pick<ReindexContext, 'client' | 'config' | 'entity'>,
  index: string,
): Promise<void> =>
  withReindexLock(config, async () => {
    const alias = entity.alias;
    const { live, indices } = await readCatalog(client, alias);
    if (index === live.name || index === alias) {
      throw new TaskstreamError(
        'precondition_failed',
        `${live.name} serves the alias ${alias}: it cannot be discarded.`,
      );
    }
    if (!indices.some(({ name }) => name === index)) {
      const others = indices.filter(({ isLive }) => !isLive).map(({ name }) => name);
      throw new TaskstreamError(
        'precondition_failed',
        `${alias} has no index ${index}; there ${others.length === 0 ? 'is none to discard' : `are ${others.join(', ')}`}.`,
      );
    }
    await client.indices.delete({ index });
  });
