/** Repeating what failed: which errors a repetition may end, and the loop that repeats. */
import { errors } from '@elastic/elasticsearch';
import { statusOf } from './elasticsearch.ts';
import { codeOf, TaskstreamError } from './errors.ts';
import { isConnectionError, isDatabaseOutage } from './postgres-outage.ts';
import { backoffMs, sleep, type BackoffOptions } from './time.ts';

export interface RetryOptions {
  readonly backoff: BackoffOptions;
  /** Which errors are worth a repetition; by default those that `isTransient` says. */
  readonly isRetriable?: (error: unknown) => boolean;
  /** Attempts in all, the first one included; no limit when undefined. */
  readonly maxAttempts?: number;
  /** No attempt begins later than this after the first one, in milliseconds; no limit when undefined. */
  readonly deadlineMs?: number;
  /** Called before each wait, with the number of attempts made. */
  readonly onRetry?: (error: unknown, attempts: number) => void;
  /** Ends the waiting; an attempt that is under way goes on. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs `work` until it succeeds, with backoff between attempts.
 * @param work must be safe to repeat; receives the number of its attempt, from 1 on
 * @throws the error of the last attempt: when it is not retriable, the limit is reached, or `signal` has aborted
 */
export const retry = async <T>(work: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> => {
  const {
    backoff,
    isRetriable = isTransient,
    maxAttempts = Infinity,
    deadlineMs = Infinity,
    onRetry,
    signal,
  } = options;
  const deadlineAt = performance.now() + deadlineMs;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work(attempt);
    } catch (error) {
      const isLast = attempt >= maxAttempts || performance.now() > deadlineAt;
      if (isLast || signal?.aborted || !isRetriable(error)) throw error;
      onRetry?.(error, attempt);
      await sleep(backoffMs(attempt, backoff), signal);
      if (signal?.aborted) throw error;
    }
  }
};

/**
 * Errors of Kafka that pass. From 0 on they are a broker's, by the column "retriable" of its protocol's error codes: a
 * leader or a coordinator that is being chosen, a replica that is behind, a request that took too long. Those below 0
 * are librdkafka's own: no connection (-195, -193, -187), no answer in time (-185).
 */
const KAFKA_CODES: ReadonlySet<unknown> = new Set([3, 5, 6, 7, 9, 13, 14, 15, 16, -185, -187, -193, -195]);

/**
 * Whether time may end an error: no answer of PostgreSQL, Elasticsearch or Kafka, a server that is overloaded or not well, or
 * an error of ours that says so. A request that is wrong stays wrong, and so does a fault of the code.
 */
export const isTransient = (error: unknown): boolean => {
  if (error instanceof TaskstreamError) return error.retriable;
  const status = statusOf(error);
  if (status !== undefined) return status === 429 || status >= 500;
  return (
    isWithoutAnswer(error) || isConnectionError(error) || isDatabaseOutage(error) || KAFKA_CODES.has(codeOf(error))
  );
};

/** Whether Elasticsearch did not answer, or not in full. */
export const isWithoutAnswer = (error: unknown): boolean =>
  error instanceof errors.ConnectionError ||
  error instanceof errors.TimeoutError ||
  error instanceof errors.NoLivingConnectionsError ||
  error instanceof errors.DeserializationError;
