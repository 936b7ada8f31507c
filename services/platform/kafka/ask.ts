/** Questions to a broker whose part in the cluster may be changing just now. */
import { messageOf, TaskstreamError } from '../errors.ts';
import { codeOf } from '../errors.ts';
import { PASSING_ANSWERS, retry } from '../retry.ts';

/** COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR: over in a moment, and not retried by librdkafka. */
const MOVING: ReadonlySet<unknown> = new Set([14, 15, 16]);
const NOT_AUTHORIZED = 30;
/** librdkafka's own: it found no coordinator in time. */
const TIMED_OUT = -185;

const MAX_ATTEMPTS = 8;

/**
 * Asks again, with backoff, while the answer is one of the errors that are over in a moment.
 * @param passing their codes
 * @throws any other error, and one of these when it does not pass
 */
const askAgain = <T>(passing: ReadonlySet<unknown>, ask: () => Promise<T>): Promise<T> =>
  retry(ask, {
    backoff: { baseMs: 100, maxMs: 2_000 },
    maxAttempts: MAX_ATTEMPTS,
    isRetriable: (error) => passing.has(codeOf(error)),
  });

/** librdkafka's own: a broker that comes back may say for a moment that a topic has fewer partitions than it has. */
const UNKNOWN_PARTITION = -190;
const WITHOUT_LEADER: ReadonlySet<unknown> = new Set([...PASSING_ANSWERS, UNKNOWN_PARTITION]);

/** A question about a partition, to a leader that may just be chosen: of a new partition, or after a broker was lost. */
export const askLeader = <T>(ask: () => Promise<T>): Promise<T> => askAgain(WITHOUT_LEADER, ask);

/**
 * A question about a group, to a coordinator that may just be moving, and to a broker that may not want to answer.
 * @throws TaskstreamError that says what is missing when this user may not use the group
 */
export const askCoordinator = async <T>(group: string, ask: () => Promise<T>): Promise<T> => {
  try {
    return await askAgain(MOVING, ask);
  } catch (error) {
    const code = codeOf(error);
    if (code === NOT_AUTHORIZED) {
      throw new TaskstreamError(
        'invalid_configuration',
        `Kafka does not let this user use the group ${group}: it needs Read and Describe on it.`,
        { cause: error },
      );
    }
    if (code === TIMED_OUT || MOVING.has(code)) {
      throw new TaskstreamError(
        'broker_unavailable',
        `Kafka does not answer about the group ${group} (${messageOf(error)}). Without Describe on a group it is silent too.`,
        { cause: error },
      );
    }
    throw error;
  }
};
