/** Questions to a broker whose part in the cluster may be changing just now. */
import { backoffMs, sleep } from '../time.ts';

const MAX_ATTEMPTS = 8;

/** Kafka's number of an error, or librdkafka's own, which is negative. */
export const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;

/**
 * Asks again, with backoff, while the answer is one of the errors that are over in a moment.
 * @param passing their codes
 * @throws any other error, and one of these when it does not pass
 */
export const askAgain = async <T>(passing: readonly unknown[], ask: () => Promise<T>): Promise<T> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!passing.includes(codeOf(error)) || attempt === MAX_ATTEMPTS) throw error;
      await sleep(backoffMs(attempt, { baseMs: 100, maxMs: 2_000 }));
    }
  }
};
