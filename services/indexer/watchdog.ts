/**
 * The alarm against a silent stall: events wait, and nothing happens.
 * Waiting for a server that is down is not silent: every attempt counts as progress, as a restart would not help and
 * the status says what is missing. What trips it is a consumer that stopped getting or handling events.
 */
import { TaskstreamError } from '../shared/errors.ts';

export interface Watchdog {
  /** Something was done: a batch, or an attempt at one. */
  readonly progress: () => void;
  /** The broker's answer to how many events wait. */
  readonly observeLag: (events: number) => void;
  /** @throws TaskstreamError when events have been waiting for too long without progress. */
  readonly check: () => void;
}

/** @param now milliseconds of a clock that never steps */
export const createWatchdog = (stallMs: number, now: () => number = () => performance.now()): Watchdog => {
  let lastProgressAt = now();
  let lag = 0;
  return {
    progress: () => {
      lastProgressAt = now();
    },
    observeLag: (events) => {
      // The clock starts when lag appears: an idle hour before must not count.
      if (lag === 0) lastProgressAt = now();
      lag = events;
    },
    check: () => {
      const silentMs = Math.round(now() - lastProgressAt);
      if (lag > 0 && silentMs > stallMs) {
        throw new TaskstreamError('internal', `${lag} events wait, and nothing was done for ${silentMs} ms`);
      }
    },
  };
};
