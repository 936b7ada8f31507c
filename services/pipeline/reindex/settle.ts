/** From the settings for filling an index to those for serving from it. */
import type { Client, estypes } from '@elastic/elasticsearch';
import { taskIndexSettings, taskMapping } from '../index/search-index.ts';
import { TaskstreamError } from '../../platform/errors.ts';
import { sleep } from '../../platform/time.ts';
import type { ReindexConfig } from '../../ops/env.ts';
import type { ReindexContext } from './context.ts';
import { encodeMeta, type IndexMeta } from './meta.ts';
import { fillingAliasOf } from './names.ts';

/** The first refresh makes everything searchable that was written, and a copy is made over the network. */
const LONG_MS = 600_000;
const POLL_MS = 500;

const settingsOf = (config: ReindexConfig): estypes.IndicesIndexSettings =>
  taskIndexSettings({
    alias: config.TASK_INDEX,
    shards: config.INDEX_SHARDS,
    replicas: config.INDEX_REPLICAS,
    gcDeletes: config.INDEX_GC_DELETES,
    refreshInterval: config.INDEX_REFRESH_INTERVAL,
  });

/** Creates the index to be filled: nobody searches in it yet, and copies are cheaper to make when it is complete. */
export const createIndex = async (
  client: Client,
  config: ReindexConfig,
  index: string,
  meta: IndexMeta,
): Promise<void> => {
  await client.indices.create({
    index,
    aliases: { [fillingAliasOf(index)]: {} },
    settings: { index: { ...settingsOf(config), number_of_replicas: 0, refresh_interval: '-1' } },
    mappings: { ...taskMapping, _meta: encodeMeta(meta) },
  });
};

/** @throws TaskstreamError `search_unavailable` when the wanted copies do not come up */
export const settleIndex = async (
  { client, config, progress }: Pick<ReindexContext, 'client' | 'config' | 'progress'>,
  index: string,
  signal: AbortSignal,
): Promise<void> => {
  await client.indices.putSettings({
    index,
    settings: {
      index: { number_of_replicas: config.INDEX_REPLICAS, refresh_interval: config.INDEX_REFRESH_INTERVAL },
    },
  });
  await refresh(client, index);
  const wanted = config.INDEX_SHARDS * (1 + config.INDEX_REPLICAS);
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
