/** Which offsets may be committed: never past an event whose outcome is not final. */
import type { TopicPartitionOffset } from '../../platform/kafka/native.ts';

export interface Progress<T> {
  /** For each partition the next offset to read, if it moved. */
  readonly commit: readonly TopicPartitionOffset[];
  /** Events from the first unsettled one of their partition on, in order. */
  readonly unfinished: readonly T[];
}

/**
 * Splits a batch at the first unsettled event of each partition.
 * @param events in offset order within each partition
 * @param settled for each event whether its outcome is final
 */
export const progressOf = <T extends TopicPartitionOffset>(
  events: readonly T[],
  settled: readonly boolean[],
): Progress<T> => {
  const next = new Map<number, TopicPartitionOffset>();
  const stuck = new Set<number>();
  const unfinished: T[] = [];
  events.forEach((event, index) => {
    const { topic, partition, offset } = event;
    if (settled[index] !== true) stuck.add(partition);
    if (stuck.has(partition)) unfinished.push(event);
    else next.set(partition, { topic, partition, offset: offset + 1 });
  });
  return { commit: [...next.values()], unfinished };
};
