/** When something that fills and empties will be empty. */

export interface Flow {
  /** A second. */
  readonly rateIn: number;
  readonly rateOut: number;
}

/**
 * Seconds until `waiting` is gone at these rates: 0 when nothing waits, null when it does not shrink.
 */
export const etaSeconds = (waiting: number, { rateIn, rateOut }: Flow): number | null => {
  if (waiting <= 0) return 0;
  const shrinks = rateOut - rateIn;
  return shrinks > 0 ? waiting / shrinks : null;
};

/** Change a second, never negative: an offset that was set back is no negative rate. */
export const rate = (before: number, after: number, elapsedSeconds: number): number =>
  elapsedSeconds > 0 ? Math.max(0, after - before) / elapsedSeconds : 0;
