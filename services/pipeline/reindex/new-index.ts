/** The index that is being filled, from its creation to the settings for serving. */
import type { Client } from '@elastic/elasticsearch';
import { indexMapping, indexSettings } from '../index/search-index.ts';
import { TaskstreamError } from '../../platform/errors.ts';
import { sleep } from '../../platform/time.ts';
import type { ReindexContext } from './context.ts';
import type { IndexMeta } from '../index/meta.ts';

/** The first refresh makes everything searchable that was written, and a copy is made over the network. */
const LONG_MS = 600_000;
const POLL_MS = 500;

/**
 * The alias by which an index is filled before it serves. Writes ask for an alias: one that comes late, after the index
 * was deleted, is refused, where the bare name would create an index with a guessed mapping.
 */
export const fillingAliasOf = (index: string): string => `${index}-filling`;

/** Creates the index to be filled: nobody searches in it yet, and copies are cheaper to make when it is complete. */
export const createIndex = async (
  { client, entity, index: options }: Pick<ReindexContext, 'client' | 'entity' | 'index'>,
  index: string,
  meta: IndexMeta,
): Promise<void> => {
  await client.indices.create({
    index,
    aliases: { [fillingAliasOf(index)]: {} },
    settings: { index: { ...indexSettings(options), number_of_replicas: 0, refresh_interval: '-1' } },
    mappings: indexMapping(entity, meta),
  });
};

/**
 * Gives the index the settings for serving, and waits for its copies.
 * @throws TaskstreamError `search_unavailable` when the wanted copies do not come up
 */
export const prepareToServe = async (
  { client, index: options, progress }: Pick<ReindexContext, 'client' | 'index' | 'progress'>,
  index: string,
  signal: AbortSignal,
): Promise<void> => {
  await client.indices.putSettings({
    index,
    settings: {
      index: { number_of_replicas: options.replicas, refresh_interval: options.refreshInterval },
    },
  });
  await refresh(client, index);
  const wanted = options.shards * (1 + options.replicas);
  progress.step(`waiting for the copies of ${index}`, wanted);
  const deadline = performance.now() + LONG_MS;
  for (let active = 0; ;) {
    const now = await activeCopies(client, index);
    progress.advance(now - active);
    active = now;
    if (active >= wanted) return;
    if (performance.now() > deadline) {
      throw new TaskstreamError(
        'search_unavailable',
        `${active} of ${wanted} shard copies of ${index} are up after ${LONG_MS / 60_000} minutes: ` +
          'see whether Elasticsearch has enough nodes and disk, or ask for fewer with INDEX_REPLICAS.',
        { retriable: true },
      );
    }
    await sleep(POLL_MS, signal);
    signal.throwIfAborted();
  }
};

export const refresh = async (client: Client, index: string): Promise<void> => {
  await client.indices.refresh({ index }, { requestTimeout: LONG_MS });
};

/** Counted from the index's own statistics: the health API would ask for a right on the whole cluster. */
const activeCopies = async (client: Client, index: string): Promise<number> => {
  const { indices } = await client.indices.stats({ index, metric: 'docs', level: 'shards' });
  const copies = Object.values(indices?.[index]?.shards ?? {}).flat();
  return copies.filter(({ routing }) => routing?.state === 'STARTED').length;
};
