/**
 * The alarm against a silent stall: events of a partition wait, and nothing happens to them.
 * Waiting for a server that is down is not silent: every attempt counts as progress for all, as a restart would not help
 * and the status says what is missing. What trips it is a consumer that stopped getting or handling events, even those of
 * a single partition while others go on.
 */
import { TaskstreamError } from '../../platform/errors.ts';

export interface Watchdog {
  /** Something was done: a batch of these partitions, or an attempt at one, which counts for all. */
  readonly progress: (partitions?: Iterable<number>) => void;
  /** The broker's answer to how many events wait in each partition of this process. */
  readonly observeLag: (lag: ReadonlyMap<number, number>) => void;
  /** @throws TaskstreamError when events have been waiting for too long without progress. */
  readonly check: () => void;
}

/** @param now milliseconds of a clock that never steps */
export const createWatchdog = (stallMs: number, now: () => number = () => performance.now()): Watchdog => {
  /** Partitions with lag; the clock starts when lag appears, as an idle hour before must not count. */
  const waiting = new Map<number, { readonly events: number; readonly since: number }>();
  return {
    progress: (partitions = [...waiting.keys()]) => {
      const since = now();
      for (const partition of partitions) {
        const entry = waiting.get(partition);
        if (entry !== undefined) waiting.set(partition, { ...entry, since });
      }
    },
    observeLag: (lag) => {
      // One that has caught up, or belongs to another process now.
      for (const partition of [...waiting.keys()]) if (!lag.get(partition)) waiting.delete(partition);
      for (const [partition, events] of lag) {
        if (events > 0) waiting.set(partition, { events, since: waiting.get(partition)?.since ?? now() });
      }
    },
    check: () => {
      for (const [partition, { events, since }] of waiting) {
        const silentMs = Math.round(now() - since);
        if (silentMs > stallMs) {
          throw new TaskstreamError(
            'internal',
            `${events} events wait in partition ${partition}, and nothing was done for ${silentMs} ms`,
          );
        }
      }
    },
  };
};
