/** Questions about a partition, to a leader that may just be chosen: of a new partition, or after a broker was lost. */
import { askAgain } from './ask-again.ts';

/** UNKNOWN_TOPIC_OR_PARTITION, LEADER_NOT_AVAILABLE, NOT_LEADER_OR_FOLLOWER: over in a moment. */
const CHOOSING: readonly unknown[] = [3, 5, 6];

export const askLeader = <T>(ask: () => Promise<T>): Promise<T> => askAgain(CHOOSING, ask);
