/** Questions about a group, to a coordinator that may just be moving, and to a broker that may not want to answer. */
import { messageOf, TaskstreamError } from '../errors.ts';
import { codeOf } from '../retry.ts';
import { askAgain } from './ask-again.ts';

/** COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR: over in a moment, and not retried by librdkafka. */
const MOVING: readonly unknown[] = [14, 15, 16];
const NOT_AUTHORIZED = 30;
/** librdkafka's own: it found no coordinator in time. */
const TIMED_OUT = -185;

/** @throws TaskstreamError that says what is missing when this user may not use the group */
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
    if (code === TIMED_OUT || MOVING.includes(code)) {
      throw new TaskstreamError(
        'broker_unavailable',
        `Kafka does not answer about the group ${group} (${messageOf(error)}). Without Describe on a group it is silent too.`,
        { cause: error },
      );
    }
    throw error;
  }
};
