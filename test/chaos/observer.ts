/** Looks at the index all the time: no version may ever become smaller, and nothing deleted may come back. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestIndex } from '../support/search-index.ts';

const INTERVAL_MS = 400;

export const watchIndex = (index: TestIndex): { stop(): Promise<string[]> } => {
  const stopped = new AbortController();
  const seen = new Map<string, number>();
  const gone = new Set<string>();
  const faults: string[] = [];
  const look = async () => {
    const now = await index.versions();
    for (const [id, version] of now) {
      const before = seen.get(id) ?? 0;
      if (version < before) faults.push(`${id} went from version ${before} back to ${version}`);
      if (gone.has(id)) faults.push(`${id} came back after its deletion`);
      seen.set(id, version);
    }
    for (const id of seen.keys()) if (!now.has(id)) gone.add(id);
  };
  const running = (async () => {
    while (!stopped.signal.aborted) {
      // While Elasticsearch is down there is nothing to see.
      await look().catch(() => undefined);
      await sleep(INTERVAL_MS);
    }
  })();
  return {
    stop: async () => {
      stopped.abort();
      await running;
      await look();
      return faults;
    },
  };
};
