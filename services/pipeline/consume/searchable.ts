/**
 * Measures how soon changes are found: from the change in the database to the refresh of the index that shows it
 * (docs/adr/0023-freshness-target.md). Where this process asks for no refresh, the index's own timer shows what was written,
 * and its interval counts.
 */

export interface SearchableMeter {
  /** Called once documents are in the index, with the times of their changes, in milliseconds since 1970. */
  readonly written: (changedAtMs: readonly number[]) => void;
  /** Called after a refresh that showed all of them. @param beganAtMs when it was asked for, by the monotonic clock */
  readonly refreshed: (beganAtMs: number) => void;
}

export interface SearchableMeterOptions {
  /** The index's `refresh_interval`, in milliseconds. */
  readonly indexRefreshMs: number;
  /** Called for each change, with the milliseconds until it was found. */
  readonly observe: (tookMs: number) => void;
}

/** Changes that are remembered; of more, the oldest count as found when they are forgotten. */
const MAX_HIDDEN = 100_000;

interface Written {
  readonly atMs: number;
  /** From the change to the write. */
  readonly tookMs: readonly number[];
}

export const createSearchableMeter = ({ indexRefreshMs, observe }: SearchableMeterOptions): SearchableMeter => {
  let hidden: Written[] = [];
  let count = 0;

  const show = (isShown: (atMs: number) => boolean, shownAtMs: (atMs: number) => number): void => {
    const left: Written[] = [];
    for (const batch of hidden) {
      if (!isShown(batch.atMs)) {
        left.push(batch);
        continue;
      }
      count -= batch.tookMs.length;
      for (const ms of batch.tookMs) observe(ms + shownAtMs(batch.atMs) - batch.atMs);
    }
    hidden = left;
  };
  /** What a refresh that hangs, or that nobody asks for, would show: nothing is remembered for longer than the interval. */
  const showByTimer = (nowMs: number): void => {
    show(
      (atMs) => atMs + indexRefreshMs <= nowMs,
      (atMs) => atMs + indexRefreshMs,
    );
  };
  return {
    written: (changedAtMs) => {
      const atMs = performance.now();
      showByTimer(atMs);
      // eslint-disable-next-line no-restricted-syntax -- from dates of another machine's
      const wallMs = Date.now();
      if (changedAtMs.length === 0) return;
      hidden.push({ atMs, tookMs: changedAtMs.map((ms) => Math.max(0, wallMs - ms)) });
      count += changedAtMs.length;
      while (count > MAX_HIDDEN) {
        const oldest = hidden.shift();
        if (oldest === undefined) break;
        count -= oldest.tookMs.length;
        for (const ms of oldest.tookMs) observe(ms + atMs - oldest.atMs);
      }
    },
    refreshed: (beganAtMs) => {
      const nowMs = performance.now();
      showByTimer(nowMs);
      show(
        (atMs) => atMs <= beganAtMs,
        () => nowMs,
      );
    },
  };
};
