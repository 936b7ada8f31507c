/** A rate out of a counter that was read again and again. */

export interface Sample {
  readonly atMs: number;
  readonly count: number;
}

/** Counts a second between the first movement and the end: neither the start of a process nor idle time at the end. */
export const rateOf = (samples: readonly Sample[]): number => {
  const last = samples.at(-1)?.count ?? 0;
  const first = samples.findLast(({ count }) => count === 0) ?? samples[0];
  const end = samples.find(({ count }) => count === last);
  if (first === undefined || end === undefined || end.atMs <= first.atMs) return Number.NaN;
  return ((end.count - first.count) * 1_000) / (end.atMs - first.atMs);
};
