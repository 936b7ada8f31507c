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

interface Written {
  readonly atMs: number;
  /** From the change to the write. */
  readonly tookMs: readonly number[];
}

export const createSearchableMeter = ({ indexRefreshMs, observe }: SearchableMeterOptions): SearchableMeter => {
  let hidden: readonly Written[] = [];

  const show = (isShown: (atMs: number) => boolean, shownAtMs: (atMs: number) => number): void => {
    for (const { atMs, tookMs } of hidden.filter((batch) => isShown(batch.atMs)))
      for (const ms of tookMs) observe(ms + shownAtMs(atMs) - atMs);
    hidden = hidden.filter((batch) => !isShown(batch.atMs));
  };
  /** Also what bounds the memory: nothing is remembered for longer than the interval and the next batch. */
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
      if (changedAtMs.length > 0)
        hidden = [...hidden, { atMs, tookMs: changedAtMs.map((ms) => Math.max(0, wallMs - ms)) }];
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
