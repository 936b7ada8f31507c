/**
 * Has the index show what was written. Elasticsearch's own timer (`refresh_interval`) is the fallback: it would show a change up
 * to a second after it was written.
 */
import type { Client } from '@elastic/elasticsearch';
import { statusOf } from '../../platform/elasticsearch.ts';
import { messageOf } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';

export interface Refresher {
  /** Asks for a refresh, now or once the time since the last one has passed. It never throws, and is not waited for. */
  readonly request: () => void;
  /** Gives up the refresh that is under way, and asks for no more. */
  readonly close: () => void;
}

export interface RefresherOptions {
  readonly client: Pick<Client, 'indices'>;
  readonly alias: string;
  /** Shortest time between two refreshes, in milliseconds. */
  readonly everyMs: number;
  /** Called after a refresh, with when it was asked for, by the monotonic clock. */
  readonly onRefreshed: (beganAtMs: number) => void;
  readonly logger: Logger;
}

/** Who may not refresh is given the right later, or never. */
const REFUSED_MS = 60_000;
const FORBIDDEN = 403;

export const createRefresher = ({ client, alias, everyMs, onRefreshed, logger }: RefresherOptions): Refresher => {
  let nextAt = -Infinity;
  let timer: NodeJS.Timeout | undefined;
  let isRunning = false;
  let isWanted = false;
  let lastReason: string | undefined;
  let isClosed = false;
  /** Of the refresh that is under way; a signal for all of them would keep something of each, on Node 20. */
  let abort = new AbortController();

  const wanted = (): boolean => isWanted;
  const closed = (): boolean => isClosed;

  const refresh = async (): Promise<void> => {
    timer = undefined;
    isRunning = true;
    isWanted = false;
    abort = new AbortController();
    const beganAt = performance.now();
    nextAt = beganAt + everyMs;
    try {
      await client.indices.refresh({ index: alias }, { signal: abort.signal });
      lastReason = undefined;
      onRefreshed(beganAt);
    } catch (error) {
      if (closed()) return;
      if (statusOf(error) === FORBIDDEN) nextAt = performance.now() + REFUSED_MS;
      const reason = messageOf(error);
      // Once, until it is another.
      if (reason !== lastReason)
        logger.warn(
          { reason },
          "cannot refresh the index (privilege `maintenance`?): changes are found when the index's own timer shows them",
        );
      lastReason = reason;
    } finally {
      isRunning = false;
      if (wanted()) schedule();
    }
  };
  const schedule = (): void => {
    isWanted = true;
    if (isRunning || timer !== undefined || isClosed) return;
    timer = setTimeout(() => void refresh(), Math.max(0, nextAt - performance.now())).unref();
  };
  return {
    request: schedule,
    close: () => {
      isClosed = true;
      clearTimeout(timer);
      abort.abort();
    },
  };
};
