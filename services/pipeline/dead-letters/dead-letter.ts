/** A record of the dead-letter topic, understood. */
import { DEAD_LETTER_HEADERS } from './writer.ts';
import { headerOf, ownHeaders } from '../../platform/kafka/headers.ts';
import type { Message } from '../../platform/kafka/native.ts';
import { textOf } from '../../platform/printable.ts';
import { validTimeMs } from '../../platform/kafka/record-time.ts';

export interface DeadLetter {
  readonly partition: number;
  readonly offset: number;
  /** When it came, in milliseconds since 1970. */
  readonly atMs: number;
  readonly reason: string;
  readonly error: string;
  readonly attempts: number | undefined;
  /** The record's key, or else the id inside the value. */
  readonly task: string | undefined;
  /** Where the event stood; absent in a record that no indexer wrote. */
  readonly source: Source;
  readonly message: Message;
}

export interface Source {
  readonly topic: string | undefined;
  readonly partition: number | undefined;
  readonly offset: number | undefined;
  readonly atMs: number | undefined;
}

export const deadLetterOf = (message: Message): DeadLetter => {
  const header = (name: keyof typeof DEAD_LETTER_HEADERS) => headerOf(message, DEAD_LETTER_HEADERS[name]);
  const number = (name: keyof typeof DEAD_LETTER_HEADERS) => {
    const text = header(name);
    return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
  };
  return {
    partition: message.partition,
    offset: message.offset,
    atMs: validTimeMs(message.timestamp) ?? 0,
    reason: header('reason') ?? 'unknown',
    error: header('error') ?? '',
    attempts: number('attempts'),
    task: keyTextOf(message) ?? idsIn(message)[0],
    source: {
      topic: header('topic'),
      partition: number('partition'),
      offset: number('offset'),
      atMs: validTimeMs(number('timestamp')),
    },
    message,
  };
};

const keyTextOf = ({ key }: Message): string | undefined =>
  key === null || key === undefined ? undefined : textOf(Buffer.from(key));

/** Whether it is about a task: by its key, or by the id in its value, as the two may differ in a dead letter. */
export const isAbout = ({ message }: DeadLetter, task: string): boolean =>
  [keyTextOf(message), ...idsIn(message)].some((id) => id?.toLowerCase() === task.toLowerCase());

const idsIn = ({ value }: Message): string[] => {
  const text = value === null ? undefined : textOf(value);
  if (text === undefined) return [];
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json !== 'object' || json === null || !('value' in json)) return [];
    const task = json.value;
    return typeof task === 'object' && task !== null && 'id' in task && typeof task.id === 'string' ? [task.id] : [];
  } catch {
    return [];
  }
};

/** Prefix of all headers that the indexer adds. */
const ADDED = 'dlq.';

/** The headers the event had, byte for byte, in their order. */
export const originalHeaders = (message: Message): NonNullable<Message['headers']> =>
  ownHeaders(message).flatMap((header) => {
    const original = Object.entries(header).filter(([name]) => !name.startsWith(ADDED));
    return original.length === 0 ? [] : [Object.fromEntries(original)];
  });
