/** The newest version of single ids in the topic, by reading all of it. */
import { z } from 'zod';
import type { Message } from '../../platform/kafka/native.ts';
import { tombstoneVersion } from '../events.ts';
import type { TopicReader } from '../../platform/kafka/reader.ts';

/** Only what is needed of any event: also of a type that this version does not know. */
const versioned = z.object({ value: z.object({ version: z.int().positive() }) });

/**
 * Reads every partition to its present end.
 * @returns the newest version of each of `ids` that is in the topic
 * @throws TaskstreamError `broker_unavailable` when Kafka stops sending before the end
 */
export const newestVersions = async (
  reader: Pick<TopicReader, 'ends' | 'read'>,
  topic: string,
  ids: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> => {
  const ends = await reader.ends(topic);
  const ranges = ends.map(({ partition, low, high }) => ({ partition, from: low, to: high }));
  const newest = new Map<string, number>();
  for await (const messages of reader.read(topic, ranges, { signal })) {
    for (const message of messages) {
      const id = message.key?.toString() ?? '';
      if (!ids.has(id)) continue;
      const version = versionIn(message);
      if (version > (newest.get(id) ?? 0)) newest.set(id, version);
    }
  }
  signal.throwIfAborted();
  return newest;
};

/** 0 for a tombstone without a version, and for what is no event: no indexer makes anything of it either. */
const versionIn = (message: Message): number => {
  const { value } = message;
  if (value === null) return tombstoneVersion(message) ?? 0;
  try {
    return versioned.parse(JSON.parse(String(value))).value.version;
  } catch {
    return 0;
  }
};
