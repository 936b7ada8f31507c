/**
 * What a record says, as text for a person: bounded in size, and without characters that could pretend to be something
 * else. It is shown as text, never as HTML.
 */
import { TaskstreamError } from '../../platform/errors.ts';
import { headersOf } from '../../platform/kafka/headers.ts';
import type { Message } from '../../platform/kafka/native.ts';
import type { TopicReader } from '../../platform/kafka/reader.ts';
import { timeText } from '../../platform/kafka/record-time.ts';
import { bytesBlock, bytesLine } from '../../platform/printable.ts';

export interface RecordContent {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** RFC 3339. */
  readonly at: string | null;
  readonly key: string | null;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** JSON is indented; null for a tombstone. */
  readonly value: string | null;
  readonly valueBytes: number;
  /** Whether more of it is in the topic than is shown. */
  readonly isCut: boolean;
}

/** Most of a value that is shown, in bytes; the text made of it may be several times as long. */
const MAX_VALUE_BYTES = 65_536;
const MAX_LINE_BYTES = 2_000;
const MAX_HEADERS = 50;

/** @throws TaskstreamError `record_not_found` when there is none, or compaction or retention has removed it */
export const readRecord = async (
  reader: TopicReader,
  topic: string,
  { partition, offset }: { readonly partition: number; readonly offset: number },
  signal: AbortSignal,
): Promise<Message> => {
  const ends = (await reader.ends(topic)).find((each) => each.partition === partition);
  if (ends !== undefined && offset >= ends.low && offset < ends.high) {
    const range = { partition, from: offset, to: offset + 1 };
    for await (const batch of reader.read(topic, [range], { signal, maxBatch: 1 })) {
      const found = batch.find((message) => message.offset === offset);
      if (found !== undefined) return found;
    }
    signal.throwIfAborted();
  }
  throw new TaskstreamError(
    'record_not_found',
    `${topic} has no record at offset ${offset} of partition ${partition}: it never had one, or compaction or retention has removed it.`,
  );
};

export const contentOf = (message: Message): RecordContent => {
  const { topic, partition, offset, timestamp, value } = message;
  const key = message.key === null || message.key === undefined ? null : Buffer.from(message.key);
  const headers = headersOf(message);
  const lines = [...(key === null ? [] : [key]), ...headers.map(([, bytes]) => bytes)];
  return {
    ...{ topic, partition, offset, at: timeText(timestamp), key: key && lineUpTo(key) },
    headers: headers
      .slice(0, MAX_HEADERS)
      .map(([name, bytes]) => ({ name: lineUpTo(Buffer.from(name)), value: lineUpTo(bytes) })),
    value: value && bytesBlock(cut(value, MAX_VALUE_BYTES)),
    valueBytes: value?.length ?? 0,
    isCut:
      (value?.length ?? 0) > MAX_VALUE_BYTES ||
      headers.length > MAX_HEADERS ||
      lines.some((bytes) => bytes.length > MAX_LINE_BYTES),
  };
};

const lineUpTo = (bytes: Buffer): string => bytesLine(cut(bytes, MAX_LINE_BYTES));

/** Its beginning, without a part of a character of UTF-8 at the end (RFC 3629, section 3): it would pass for bytes that are no text. */
const cut = (bytes: Buffer, most: number): Buffer => {
  let end = Math.min(most, bytes.length);
  if (end === bytes.length) return bytes;
  for (let back = 0; back < 3 && ((bytes[end] ?? 0) & 0xc0) === 0x80; back += 1) end -= 1;
  return bytes.subarray(0, end);
};
