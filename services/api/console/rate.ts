/** A rate from a total that only grows, over a short window: steadier than the difference of two samples. */

export interface Rate {
  /** Takes the total as it is now; returns the growth a second, or null when there is nothing to compare with. */
  next(total: number, atMs: number): number | null;
  /** Forgets: what comes next does not follow on what was. */
  reset(): void;
}

export const createRate = (windowMs: number): Rate => {
  let points: { readonly total: number; readonly atMs: number }[] = [];
  return {
    next: (total, atMs) => {
      // A counter that began anew, such as a topic that was made again.
      if (total < (points.at(-1)?.total ?? 0)) points = [];
      points.push({ total, atMs });
      // The oldest point that is kept lies at the window's edge or just before it.
      while (points.length > 2 && (points[1]?.atMs ?? atMs) <= atMs - windowMs) points.shift();
      const oldest = points[0];
      if (oldest === undefined || oldest.atMs >= atMs) return null;
      return ((total - oldest.total) * 1_000) / (atMs - oldest.atMs);
    },
    reset: () => {
      points = [];
    },
  };
};
