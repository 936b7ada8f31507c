/** Follows the tasks topic, from its end or from a given time on. */
import type { Output } from '../cli/output.ts';
import type { TopicReader } from '../../platform/kafka/reader.ts';
import { eventJson, eventOf, matches, readableLine, type EventFilter } from './event.ts';

export interface TailOptions {
  readonly reader: TopicReader;
  readonly topic: string;
  readonly sinceMs: number | undefined;
  readonly filter: EventFilter;
  readonly json: boolean;
  readonly output: Output;
  readonly signal: AbortSignal;
}

/** Returns when `signal` aborts or nobody reads its output any more. */
export const tailEvents = async (options: TailOptions): Promise<void> => {
  const { reader, topic, sinceMs, filter, json, output, signal } = options;
  const ends = await reader.ends(topic);
  const since = sinceMs === undefined ? undefined : await reader.offsetsAt(topic, ends, sinceMs);
  const ranges = ends.map(({ partition, high }) => ({ partition, from: since?.get(partition) ?? high }));
  for await (const batch of reader.read(topic, ranges, { signal })) {
    const text = batch
      .filter((message) => matches(eventOf(message), filter))
      .map((message) => `${json ? eventJson(message) : readableLine(message)}\n`)
      .join('');
    if (text !== '' && !(await output.write(text))) return;
  }
};
