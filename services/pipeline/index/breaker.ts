/** The circuit breaker in front of Elasticsearch. */
import CircuitBreaker from 'opossum';
import { Gauge, type Registry } from 'prom-client';
import { statusOf } from '../../platform/elasticsearch.ts';
import { messageOf, TaskstreamError } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';

export interface SearchBreaker {
  /** Runs `call`, or refuses at once while the breaker is open. @throws TaskstreamError `search_unavailable` */
  run<T>(call: () => Promise<T>): Promise<T>;
  close(): void;
}

/** For a search that no client waits for: it may fail as often as it will. */
export const NO_BREAKER: SearchBreaker = { run: (call) => call(), close: () => undefined };

export interface BreakerOptions {
  /** How long searches are refused before one is let through to see. */
  readonly resetMs: number;
  readonly registry: Registry;
  readonly logger: Logger;
}

/** Searches at a time; more would only wait in line for a server that is slow already. */
const CAPACITY = 256;

export const createSearchBreaker = ({ resetMs, registry, logger }: BreakerOptions): SearchBreaker => {
  const state = new Gauge({
    name: 'taskstream_search_breaker_open',
    help: '1 while searches are refused at once because Elasticsearch failed.',
    registers: [registry],
  });
  const breaker = new CircuitBreaker((call: () => Promise<unknown>) => call(), {
    // Each call has its own timeout, which also ends the request.
    timeout: false,
    errorThresholdPercentage: 50,
    volumeThreshold: 5,
    rollingCountTimeout: 10_000,
    resetTimeout: resetMs,
    capacity: CAPACITY,
    errorFilter: (error: unknown) => !isOutage(error),
  });
  breaker.on('open', () => {
    state.set(1);
    logger.warn('search breaker opened: Elasticsearch fails');
  });
  breaker.on('close', () => {
    state.set(0);
    logger.info('search breaker closed: Elasticsearch answers again');
  });
  return {
    run: async <T>(call: () => Promise<T>): Promise<T> => {
      let result: T | undefined;
      try {
        await breaker.fire(async () => {
          result = await call();
        });
      } catch (error) {
        throw isOutage(error) ? searchUnavailable(error, resetMs) : error;
      }
      // `fire` returned without an error, so the call did, and has set the result.
      return result as T;
    },
    close: () => {
      breaker.shutdown();
    },
  };
};

/** What counts against Elasticsearch: no answer, 429, 5xx, a missing index, no permission; and the breaker's own no. */
const isOutage = (error: unknown): boolean => {
  const status = statusOf(error);
  return status === undefined || status === 429 || status >= 500 || status === 404 || status === 401 || status === 403;
};

/** @param retryAfterMs when a search makes sense again */
export const searchUnavailable = (error: unknown, retryAfterMs: number): TaskstreamError =>
  new TaskstreamError('search_unavailable', 'Search does not answer; everything else does. Try again shortly.', {
    cause: new Error(messageOf(error), { cause: error }),
    retriable: true,
    retryAfterSeconds: Math.max(1, Math.ceil(retryAfterMs / 1_000)),
  });
