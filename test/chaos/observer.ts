/**
 * Looks at the index all the time: no version may ever become smaller, and nothing deleted may come back.
 * A search can see what Elasticsearch has not yet acknowledged, and the next one, from another copy, does not. So a look counts
 * for what is up to the global checkpoint: every copy has written that to its disk, and a refresh shows it in each of them.
 * https://www.elastic.co/docs/reference/elasticsearch/index-settings/history-retention
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DELETED_AT } from '../../services/pipeline/index/deletion.ts';
import type { TestIndex } from '../support/search-index.ts';
import type { History } from './history.ts';

const INTERVAL_MS = 400;
/** Elasticsearch gives 10,000 at most. */
const PAGE = 5_000;

export interface IndexWatch {
  /** How many looks have succeeded. */
  readonly looks: () => number;
  /** Looks once more; returns every fault that was seen, of all tasks but the excepted. */
  stop(except?: ReadonlySet<string>): Promise<string[]>;
}

interface Seen {
  readonly version: number;
  readonly isDeleted: boolean;
  /** Whether no copy can lose it any more. */
  readonly isKept: boolean;
}

export const watchIndex = (
  { client, alias }: Pick<TestIndex, 'client' | 'alias'>,
  history: Pick<History, 'isSplit'> = { isSplit: false },
): IndexWatch => {
  const stopped = new AbortController();
  const seen = new Map<string, number>();
  const gone = new Set<string>();
  const faults: { readonly id: string; readonly what: string }[] = [];
  let looks = 0;

  const checkpointOf = async (index: string): Promise<number> => {
    const { indices } = await client.indices.stats({ index, level: 'shards', metric: 'docs' });
    const shards = Object.values(indices?.[index]?.shards ?? {});
    if (shards.length !== 1)
      throw new Error(`${index} has ${shards.length} shards, and each has a checkpoint of its own`);
    return Math.max(...(shards[0] ?? []).map(({ seq_no: numbers }) => numbers?.global_checkpoint ?? -1));
  };
  /** All documents and markers. */
  const readAll = async (): Promise<Map<string, Seen>> => {
    // Behind the alias, which hides the markers.
    const [index = alias] = Object.keys(await client.indices.getAlias({ name: alias }));
    const checkpoint = await checkpointOf(index);
    await client.indices.refresh({ index });
    const found = new Map<string, Seen>();
    let after: string[] | undefined;
    for (;;) {
      const { hits } = await client.search({
        index,
        size: PAGE,
        sort: [{ id: 'asc' }],
        version: true,
        seq_no_primary_term: true,
        docvalue_fields: [DELETED_AT],
        _source: false,
        track_total_hits: false,
        ...(after === undefined ? {} : { search_after: after }),
      });
      for (const { _id: id, _version: version, _seq_no: number = Infinity, fields } of hits.hits) {
        found.set(String(id), {
          version: Number(version),
          isDeleted: fields?.[DELETED_AT] !== undefined,
          isKept: number <= checkpoint,
        });
      }
      after = hits.hits.at(-1)?.sort?.map(String);
      if (after === undefined || hits.hits.length < PAGE) return found;
    }
  };
  const look = async () => {
    const wasSplit = history.isSplit;
    const found = await readAll();
    if (wasSplit || history.isSplit) return;
    for (const [id, { version, isDeleted }] of found) {
      const before = seen.get(id) ?? 0;
      if (version < before) faults.push({ id, what: `went from version ${before} back to ${version}` });
      if (gone.has(id) && !isDeleted) faults.push({ id, what: 'came back after its deletion' });
    }
    for (const [id, { version, isDeleted, isKept }] of found) {
      if (!isKept) continue;
      seen.set(id, Math.max(version, seen.get(id) ?? 0));
      if (isDeleted) gone.add(id);
    }
    // By hand, or purged.
    for (const id of seen.keys()) if (!found.has(id)) gone.add(id);
    looks += 1;
  };
  const running = (async () => {
    while (!stopped.signal.aborted) {
      // While Elasticsearch is down there is nothing to see.
      await look().catch(() => undefined);
      await sleep(INTERVAL_MS);
    }
  })();
  return {
    looks: () => looks,
    stop: async (except) => {
      stopped.abort();
      await running;
      await look();
      return faults.flatMap(({ id, what }) => (except?.has(id) === true ? [] : [`${id} ${what}`]));
    },
  };
};
