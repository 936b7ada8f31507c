/** Whether writes to a server go through: what readiness, metrics and the log say while they do not. */
import { TaskstreamError } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';
import type { IndexerMetrics } from './metrics.ts';

export interface RetryStatus {
  /** Called before each retry with the reason and the number of operations that wait, and with `undefined` once writes succeed. */
  readonly onRetry: (reason: string | undefined, pending: number) => void;
  /** Called when nothing waits any more, be it that another process has it now. */
  readonly onDone: () => void;
  /** @throws TaskstreamError that says what is wrong, and for how long. */
  readonly check: () => void;
}

export interface RetryStatusOptions {
  /** Label of the figures. */
  readonly entity: string;
  /** The server, as metrics and logs name it. */
  readonly target: string;
  readonly metrics: IndexerMetrics;
  readonly logger: Logger;
  readonly onAttempt: () => void;
  /** Attempts at the same writes after which a person is called. They go on all the same. */
  readonly alertAttempts: number;
}

/** An outage is logged when it begins and ends, and once in this many attempts. */
const LOG_EVERY = 10;

export const createRetryStatus = (options: RetryStatusOptions): RetryStatus => {
  const { entity, target, metrics, logger, onAttempt, alertAttempts } = options;
  let outage: { readonly since: number; attempts: number; reason: string } | undefined;
  metrics.retries.inc({ entity, target }, 0);
  metrics.retrying.set({ entity, target }, 0);
  metrics.retryAlert.set({ entity, target }, 0);

  const end = (message: string): void => {
    if (outage === undefined) return;
    const ms = Math.round(performance.now() - outage.since);
    logger.info({ target, ms, attempts: outage.attempts }, message);
    outage = undefined;
    metrics.retrying.set({ entity, target }, 0);
    metrics.retryAlert.set({ entity, target }, 0);
  };

  return {
    onRetry: (reason, pending) => {
      onAttempt();
      metrics.retrying.set({ entity, target }, pending);
      if (reason === undefined) {
        end('writes go through again');
        return;
      }
      metrics.retries.inc({ entity, target });
      outage ??= { since: performance.now(), attempts: 0, reason };
      outage.attempts += 1;
      outage.reason = reason;
      const { attempts } = outage;
      if (attempts === alertAttempts) {
        metrics.retryAlert.set({ entity, target }, 1);
        logger.error({ target, reason, pending, attempts }, 'writes still fail: somebody must look; trying again');
      } else if (attempts % LOG_EVERY === 1) {
        logger.warn({ target, reason, pending, attempts }, 'writes fail: trying again');
      }
    },
    onDone: () => {
      end('what waited was given away: whoever has it now tries again');
    },
    check: () => {
      if (outage === undefined) return;
      const seconds = Math.round((performance.now() - outage.since) / 1_000);
      throw new TaskstreamError('search_unavailable', `${target}: ${outage.reason} (for ${seconds} s)`);
    },
  };
};
