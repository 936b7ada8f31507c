/** Questions about a partition, to a leader that may just be chosen: of a new partition, or after a broker was lost. */
import { backoffMs, sleep } from '../../shared/time.ts';

/** UNKNOWN_TOPIC_OR_PARTITION, LEADER_NOT_AVAILABLE, NOT_LEADER_OR_FOLLOWER: over in a moment. */
const CHOOSING: readonly unknown[] = [3, 5, 6];
const MAX_ATTEMPTS = 8;

export const askLeader = async <T>(ask: () => Promise<T>): Promise<T> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (!CHOOSING.includes(code) || attempt === MAX_ATTEMPTS) throw error;
      await sleep(backoffMs(attempt, { baseMs: 100, maxMs: 2_000 }));
    }
  }
};
