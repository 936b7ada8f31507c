/** Waiting: sleeps that can be stopped, deadlines, the backoff that every retry loop uses, and a speed limit. */
import { setTimeout as delay } from 'node:timers/promises';
import { TaskstreamError } from './errors.ts';

/** Sleeps `ms`, or less when `signal` aborts; never throws for an abort. */
export const sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
};

/**
 * Waits for `promise`, `ms` at most.
 * @throws TaskstreamError `internal` that names `what` when the deadline passes first. The promise itself goes on.
 */
export const withDeadline = async <T>(promise: Promise<T>, ms: number, what: string): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new TaskstreamError('internal', `${what} did not finish within ${ms} ms`, { retriable: true }));
    }, ms);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
};

/** Waits for `promise`, or until `signal` aborts: then it returns nothing, and the promise itself goes on. */
export const unlessAborted = async <T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> => {
  const done = new AbortController();
  const aborted = new Promise<undefined>((resolve) => {
    const onAbort = (): void => {
      resolve(undefined);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { signal: done.signal });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    done.abort();
  }
};

export interface BackoffOptions {
  readonly baseMs: number;
  readonly maxMs: number;
}

/**
 * Delay before retry number `attempt` (1 is the first): exponential with "equal jitter", half fixed and half random,
 * so that many processes that lost the same server do not return in step, and none returns at once.
 * Source: M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
 */
export const backoffMs = (attempt: number, { baseMs, maxMs }: BackoffOptions, random = Math.random): number => {
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(attempt - 1, 30));
  return ceiling / 2 + (random() * ceiling) / 2;
};

/**
 * A speed limit: how long to wait before `count` more things may be done, in milliseconds. Work is spaced out so that it
 * never exceeds the rate for longer than one piece of it takes; calling it takes the place in the queue.
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
