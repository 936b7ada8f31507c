/**
 * Looks at the index all the time: no version may ever become smaller, and nothing deleted may come back.
 * A search can see what Elasticsearch has not yet synced to its disk and acknowledged. When it is killed in that moment
 * this was never promised, so a look counts only once the next one has succeeded too.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestIndex } from '../support/search-index.ts';

const INTERVAL_MS = 400;

export interface IndexWatch {
  /** How many looks have succeeded. */
  readonly looks: () => number;
  /** Looks once more; returns every fault that was seen, of all tasks but the excepted. */
  stop(except?: ReadonlySet<string>): Promise<string[]>;
}

export const watchIndex = (index: TestIndex): IndexWatch => {
  const stopped = new AbortController();
  const seen = new Map<string, number>();
  const gone = new Set<string>();
  const faults: { readonly id: string; readonly what: string }[] = [];
  let looks = 0;
  let last: ReadonlyMap<string, number> | undefined;
  /** What the last look saw was there to stay. */
  const count = (found: ReadonlyMap<string, number>) => {
    for (const [id, version] of found) seen.set(id, Math.max(version, seen.get(id) ?? 0));
    for (const id of seen.keys()) if (!found.has(id)) gone.add(id);
  };
  const look = async () => {
    const now = await index.versions().catch((error: unknown) => {
      last = undefined;
      throw error;
    });
    if (last !== undefined) count(last);
    for (const [id, version] of now) {
      const before = seen.get(id) ?? 0;
      if (version < before) faults.push({ id, what: `went from version ${before} back to ${version}` });
      if (gone.has(id)) faults.push({ id, what: 'came back after its deletion' });
    }
    last = now;
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
