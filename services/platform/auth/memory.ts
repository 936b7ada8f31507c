/** What was found out about a token or a cookie a moment ago: to find it out costs some 100 µs of CPU. */
import { createHash } from 'node:crypto';

export interface Memory<T> {
  recall(text: string): T | undefined;
  /** @param endsAt when the text counts no more: Unix time in seconds, of the clock of whoever wrote it */
  keep(text: string, found: T, endsAt: number): void;
}

/** How long it counts at most. */
const KEPT_MS = 60_000;
const MAX_KEPT = 10_000;

export const createMemory = <T>(): Memory<T> => {
  /** By the hash of the text: who reads this process's memory finds none. */
  const kept = new Map<string, { readonly found: T; readonly until: number }>();
  const hashOf = (text: string): string => createHash('sha256').update(text).digest('base64');
  return {
    recall: (text) => {
      const hash = hashOf(text);
      const known = kept.get(hash);
      if (known !== undefined && known.until > performance.now()) return known.found;
      kept.delete(hash);
      return undefined;
    },
    keep: (text, found, endsAt) => {
      const hash = hashOf(text);
      // eslint-disable-next-line no-restricted-syntax -- the end is a date
      const leftMs = endsAt * 1_000 - Date.now();
      kept.delete(hash);
      kept.set(hash, { found, until: performance.now() + Math.min(KEPT_MS, leftMs) });
      // The oldest comes first.
      const [oldest] = kept.keys();
      if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest);
    },
  };
};
