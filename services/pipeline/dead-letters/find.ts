/** Reads the dead-letter topic from its beginning to its end as it is now, and picks dead letters. */
import type { PartitionRange, TopicReader } from '../../platform/kafka/reader.ts';
import { isAbout, deadLetterOf, type DeadLetter } from './dead-letter.ts';

export interface DeadLetterFilter {
  readonly reasons?: readonly string[] | undefined;
  /** When the dead letter came, in milliseconds since 1970; from `sinceMs` on, before `untilMs`. */
  readonly sinceMs?: number | undefined;
  readonly untilMs?: number | undefined;
  readonly task?: string | undefined;
  readonly partition?: number | undefined;
  readonly offsets?: readonly number[] | undefined;
}

export interface FindOptions {
  readonly reader: TopicReader;
  readonly topic: string;
  readonly filter: DeadLetterFilter;
  readonly signal: AbortSignal;
  /** Most dead letters in a batch. */
  readonly maxBatch?: number;
  /** Of each partition no more than its newest records so many offsets below its end; all when undefined. */
  readonly newest?: number;
}

export const isFiltered = (filter: DeadLetterFilter): boolean =>
  Object.values(filter).some((value) => value !== undefined);

/** Letters that the filter lets through, in batches; memory holds one batch. */
export const findDeadLetters = async function* (options: FindOptions): AsyncGenerator<readonly DeadLetter[]> {
  const { reader, topic, filter, signal, maxBatch } = options;
  const ranges = await rangesOf(options);
  for await (const batch of reader.read(topic, ranges, { signal, ...(maxBatch === undefined ? {} : { maxBatch }) })) {
    const found = batch.map(deadLetterOf).filter((deadLetter) => isWanted(deadLetter, filter));
    if (found.length > 0) yield found;
  }
};

/** Only what can match is read: a topic of a flood may be large. */
const rangesOf = async ({ reader, topic, filter, newest = Infinity }: FindOptions): Promise<PartitionRange[]> => {
  const { partition, offsets, sinceMs } = filter;
  const ends = (await reader.ends(topic)).filter((each) => partition === undefined || each.partition === partition);
  const since = sinceMs === undefined ? undefined : await reader.offsetsAt(topic, ends, sinceMs);
  return ends.map(({ partition: id, low, high }) => ({
    partition: id,
    from: Math.max(low, high - newest, since?.get(id) ?? low, offsets === undefined ? low : Math.min(...offsets)),
    to: offsets === undefined ? high : Math.min(high, Math.max(...offsets) + 1),
  }));
};

const isWanted = (deadLetter: DeadLetter, { reasons, sinceMs, untilMs, task, offsets }: DeadLetterFilter): boolean =>
  (reasons === undefined || reasons.includes(deadLetter.reason)) &&
  (sinceMs === undefined || deadLetter.atMs >= sinceMs) &&
  (untilMs === undefined || deadLetter.atMs < untilMs) &&
  (task === undefined || isAbout(deadLetter, task)) &&
  (offsets === undefined || offsets.includes(deadLetter.offset));
