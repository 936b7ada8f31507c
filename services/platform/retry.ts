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
 * Answers of a Kafka broker that pass: a leader or a coordinator that is being chosen, a replica that is behind, a disk that
 * failed, a request that took too long. Source: Kafka documentation, 5.4 "Protocol errors", the column "retriable".
 */
export const PASSING_ANSWERS: ReadonlySet<unknown> = new Set([
  2, 3, 5, 6, 7, 9, 13, 14, 15, 16, 19, 20, 41, 51, 56, 70, 71, 72, 74, 75, 78, 80, 83, 84, 88, 89, 100, 103, 106, 122,
  123, 133,
]);

/**
 * What librdkafka itself says while it has no answer: no connection (-195, -193, -187), none in time (-185, -166), no
 * coordinator yet (-180), no metadata yet (-164). Source: librdkafka, rdkafka.h, `rd_kafka_resp_err_t`.
 */
const WITHOUT_BROKER: ReadonlySet<unknown> = new Set([-164, -166, -180, -185, -187, -193, -195]);

/**
 * Whether time may end an error: no answer of PostgreSQL, Elasticsearch or Kafka, a server that is overloaded or not well, or
 * an error of ours that says so. A request that is wrong stays wrong, and so does a fault of the code.
 */
export const isTransient = (error: unknown): boolean => {
  if (error instanceof TaskstreamError) return error.retriable;
  const status = statusOf(error);
  if (status !== undefined) return status === 429 || status >= 500;
  return (
    isWithoutAnswer(error) ||
    isConnectionError(error) ||
    isDatabaseOutage(error) ||
    PASSING_ANSWERS.has(codeOf(error)) ||
    WITHOUT_BROKER.has(codeOf(error))
  );
};

/** Whether Elasticsearch did not answer, or not in full. */
export const isWithoutAnswer = (error: unknown): boolean =>
  error instanceof errors.ConnectionError ||
  error instanceof errors.TimeoutError ||
  error instanceof errors.NoLivingConnectionsError ||
  error instanceof errors.DeserializationError;
