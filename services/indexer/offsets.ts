/** Which offsets may be committed: never past an event whose outcome is not final. */
import type { Message, TopicPartitionOffset } from '../shared/kafka-native.ts';

export interface Progress {
  /** For each partition the next offset to read, if it moved. */
  readonly commit: readonly TopicPartitionOffset[];
  /** Events from the first unsettled one of their partition on, in order. */
  readonly unfinished: readonly Message[];
}

/**
 * Splits a batch at the first unsettled event of each partition.
 * @param messages in offset order within each partition
 * @param settled for each message whether its outcome is final
 */
export const progressOf = (messages: readonly Message[], settled: readonly boolean[]): Progress => {
  const next = new Map<number, TopicPartitionOffset>();
  const stuck = new Set<number>();
  const unfinished: Message[] = [];
  messages.forEach((message, index) => {
    const { topic, partition, offset } = message;
    if (settled[index] !== true) stuck.add(partition);
    if (stuck.has(partition)) unfinished.push(message);
    else next.set(partition, { topic, partition, offset: offset + 1 });
  });
  return { commit: [...next.values()], unfinished };
};
