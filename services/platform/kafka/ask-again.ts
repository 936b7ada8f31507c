/** Questions to a broker whose part in the cluster may be changing just now. */
import { retry } from '../retry.ts';

const MAX_ATTEMPTS = 8;

/** Kafka's number of an error, or librdkafka's own, which is negative. */
export const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;

/**
 * Asks again, with backoff, while the answer is one of the errors that are over in a moment.
 * @param passing their codes
 * @throws any other error, and one of these when it does not pass
 */
export const askAgain = <T>(passing: readonly unknown[], ask: () => Promise<T>): Promise<T> =>
  retry(ask, {
    backoff: { baseMs: 100, maxMs: 2_000 },
    maxAttempts: MAX_ATTEMPTS,
    isRetriable: (error) => passing.includes(codeOf(error)),
  });
