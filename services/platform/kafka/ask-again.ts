/** Questions to a broker whose part in the cluster may be changing just now. */
import { codeOf, retry } from '../retry.ts';

const MAX_ATTEMPTS = 8;

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
