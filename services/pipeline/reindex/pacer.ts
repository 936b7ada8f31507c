/** A speed limit: work is spaced out so that it never exceeds a rate for longer than one piece of it takes. */

/**
 * How long to wait before `count` more things may be done, in milliseconds; calling it takes the place in the queue.
 * @param perSecond no limit when undefined
 * @param now milliseconds of a clock that never steps
 */
export const createPacer = (
  perSecond: number | undefined,
  now: () => number = () => performance.now(),
): ((count: number) => number) => {
  if (perSecond === undefined) return () => 0;
  let freeAt = now();
  return (count) => {
    const startAt = Math.max(freeAt, now());
    freeAt = startAt + (count * 1_000) / perSecond;
    return startAt - now();
  };
};
