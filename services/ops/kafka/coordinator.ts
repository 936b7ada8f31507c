/** Questions about a group, to a coordinator that may just be moving, and to a broker that may not want to answer. */
import { messageOf, TaskstreamError } from '../../shared/errors.ts';
import { backoffMs, sleep } from '../../shared/time.ts';

/** COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR: over in a moment, and not retried by librdkafka. */
const MOVING: readonly unknown[] = [14, 15, 16];
const NOT_AUTHORIZED = 30;
/** librdkafka's own: it found no coordinator in time. */
const TIMED_OUT = -185;
const MAX_ATTEMPTS = 8;

const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;

/** @throws TaskstreamError that says what is missing when this user may not use the group */
export const askCoordinator = async <T>(group: string, ask: () => Promise<T>): Promise<T> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      if (codeOf(error) === NOT_AUTHORIZED) {
        throw new TaskstreamError(
          'invalid_configuration',
          `Kafka does not let this user use the group ${group}: it needs Read and Describe on it.`,
          { cause: error },
        );
      }
      if (codeOf(error) === TIMED_OUT || (MOVING.includes(codeOf(error)) && attempt === MAX_ATTEMPTS)) {
        throw new TaskstreamError(
          'broker_unavailable',
          `Kafka does not answer about the group ${group} (${messageOf(error)}). Without Describe on a group it is silent too.`,
          { cause: error },
        );
      }
      if (!MOVING.includes(codeOf(error))) throw error;
      await sleep(backoffMs(attempt, { baseMs: 100, maxMs: 2_000 }));
    }
  }
};
