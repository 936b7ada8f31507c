/** Refuses clients that ask too often, each replica for itself: by who they are, or where the API does not know, by their network. */
import type { Context, MiddlewareHandler } from 'hono';
import { rateLimiter, type Store } from 'hono-rate-limiter';
import { TaskstreamError } from '../../errors.ts';
import type { ApiEnv } from '../api-env.ts';
import { clientNetwork } from './client-address.ts';

const WINDOW_MS = 60_000;

export interface RateLimit {
  readonly middleware: MiddlewareHandler<ApiEnv>;
  /** Whether it will refuse the request, unless somebody finds out who is calling. */
  readonly isExceeded: (c: Context<ApiEnv>) => boolean;
}

export const limitRate = (perMinute: number, trustedProxies: number): RateLimit => {
  const store = createStore();
  const keyOf = (c: Context<ApiEnv>): string => {
    const caller = c.get('identity')?.caller;
    return caller === undefined ? clientNetwork(c, trustedProxies) : `caller ${caller.subject}`;
  };
  const refusal = (retryAfterSeconds: number): TaskstreamError =>
    new TaskstreamError('rate_limited', `More than ${perMinute} requests in a minute; wait a little.`, {
      retriable: true,
      retryAfterSeconds,
    });
  const limiter = rateLimiter<ApiEnv>({
    windowMs: WINDOW_MS,
    limit: perMinute,
    standardHeaders: 'draft-6',
    store,
    keyGenerator: keyOf,
    handler: (c) => {
      throw refusal(Number(c.res.headers.get('retry-after')) || WINDOW_MS / 1_000);
    },
  });
  const middleware: MiddlewareHandler<ApiEnv> = (c, next) => {
    c.set('charge', (requests) => {
      const key = keyOf(c);
      // It has counted as one when it came. What begins below the limit is carried out whole: a batch may be larger than that.
      if (store.hits(key) > perMinute) throw refusal(store.secondsLeft());
      const hits = store.add(key, requests - 1);
      c.header('RateLimit-Remaining', String(Math.max(0, perMinute - hits)));
    });
    return limiter(c, next);
  };
  return { middleware, isExceeded: (c) => store.hits(clientNetwork(c, trustedProxies)) >= perMinute };
};

/**
 * Counts in windows that are the same for all clients, and forgets all of them at a window's end.
 * The windows go by the monotonic clock: the library's own store goes by the wall clock, and after a step of that by an
 * hour it refused clients for an hour.
 */
interface Hits extends Store<ApiEnv> {
  hits(key: string): number;
  add(key: string, more: number): number;
  /** Until the window ends. */
  secondsLeft(): number;
}

const createStore = (): Hits => {
  const hits = new Map<string, number>();
  let endsAtMs = performance.now() + WINDOW_MS;
  const turnOver = (): number => {
    const nowMs = performance.now();
    if (nowMs >= endsAtMs) {
      hits.clear();
      endsAtMs = nowMs + WINDOW_MS;
    }
    return nowMs;
  };
  const add = (key: string, more: number): number => {
    const totalHits = (hits.get(key) ?? 0) + more;
    hits.set(key, totalHits);
    return totalHits;
  };
  return {
    hits: (key) => {
      turnOver();
      return hits.get(key) ?? 0;
    },
    add: (key, more) => {
      turnOver();
      return add(key, more);
    },
    secondsLeft: () => Math.ceil((endsAtMs - turnOver()) / 1_000),
    increment: (key) => {
      const nowMs = turnOver();
      const totalHits = add(key, 1);
      // The library makes seconds of it, from now.
      // eslint-disable-next-line no-restricted-syntax -- the library wants a date
      return { totalHits, resetTime: new Date(Date.now() + endsAtMs - nowMs) };
    },
    decrement: (key) => {
      hits.set(key, Math.max(0, (hits.get(key) ?? 0) - 1));
    },
    resetKey: (key) => {
      hits.delete(key);
    },
  };
};
