/** A record of the tasks topic as people and scripts see it. */
import { isDeepStrictEqual } from 'node:util';
import colors from 'picocolors';
import type { AnyField } from '../../pipeline/field.ts';
import type { Message } from '../../platform/kafka/native.ts';
import { headersOf } from '../../platform/kafka/headers.ts';
import { bytesJson, bytesLine, lineOf, textOf } from '../../platform/printable.ts';
import { timeText } from '../../platform/kafka/record-time.ts';
import { taskFields } from '../../task/fields.ts';

/** Bytes that are not UTF-8 appear as `base64:…`. */
export interface EventLine {
  readonly partition: number;
  readonly offset: number;
  /** RFC 3339; nothing when the record has no time. */
  readonly time: string | null;
  readonly key: string | null;
  readonly headers: Readonly<Record<string, string | null>>;
  /** Nothing for a tombstone, and for a value that is no event. */
  readonly type: string | null;
  /** The event's value; the whole text when it is no event, null for a tombstone. */
  readonly value: unknown;
}

export const eventOf = (message: Message): EventLine => ({
  partition: message.partition,
  offset: message.offset,
  time: timeText(message.timestamp),
  key: bytesJson(toBuffer(message.key)),
  headers: Object.fromEntries(headersOf(message).map(([name, value]) => [name, bytesJson(value)])),
  ...envelopeOf(message.value),
});

/** An event as JSON; its value as text where it is nested too deep to be written: it is read to any depth. */
export const eventJson = (message: Message): string => {
  const event = eventOf(message);
  return jsonOf(event) ?? JSON.stringify({ ...event, type: null, value: bytesJson(message.value) });
};

const jsonOf = (value: unknown): string | undefined => {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
};

const toBuffer = (key: Message['key']): Buffer | null => (key === null || key === undefined ? null : Buffer.from(key));

const envelopeOf = (bytes: Buffer | null): Pick<EventLine, 'type' | 'value'> => {
  if (bytes === null) return { type: null, value: null };
  const text = textOf(bytes);
  if (text !== undefined) {
    try {
      const json: unknown = JSON.parse(text);
      if (
        typeof json === 'object' &&
        json !== null &&
        'type' in json &&
        'value' in json &&
        typeof json.type === 'string'
      )
        return { type: json.type, value: json.value };
    } catch {
      // No JSON: shown as it is.
    }
  }
  return { type: null, value: bytesJson(bytes) };
};

export interface EventFilter {
  readonly task?: string | undefined;
  readonly types?: readonly string[] | undefined;
}

/** Kinds that `--type` takes beside the full names. */
export const matches = (event: EventLine, { task, types }: EventFilter): boolean =>
  (task === undefined || event.key?.toLowerCase() === task.toLowerCase()) &&
  (types === undefined ||
    types.some(
      (type) =>
        event.type === type || event.type === `tasks.event.${type}` || (type === 'tombstone' && event.value === null),
    ));

const PAINT: Readonly<Record<string, (text: string) => string>> = {
  created: colors.green,
  updated: colors.cyan,
  deleted: colors.red,
  tombstone: colors.dim,
};

/** One line for people. */
export const readableLine = (message: Message): string => {
  const event = eventOf(message);
  const kind = event.type?.replace(/^tasks\.event\./, '') ?? (message.value === null ? 'tombstone' : 'no event');
  const paint = PAINT[kind] ?? colors.yellow;
  const key = message.key === null || message.key === undefined ? '(no key)' : bytesLine(Buffer.from(message.key));
  return [
    colors.dim(event.time ?? '-'),
    colors.dim(`${event.partition}:${event.offset}`.padStart(8)),
    paint(lineOf(kind).padEnd(9)),
    key,
    summaryOf(event.value),
  ].join('  ');
};

/** The version, and each field that does not have its initial value. */
const summaryOf = (value: unknown): string => {
  if (value === null) return '';
  if (typeof value === 'string') return lineOf(value).slice(0, 200);
  if (typeof value !== 'object') return lineOf(JSON.stringify(value));
  const shown = value as Readonly<Record<string, unknown>>;
  const fields = Object.entries<AnyField>(taskFields).flatMap(([name, { initial }]) => {
    const part = shown[name];
    if (part === undefined || isDeepStrictEqual(part, initial)) return [];
    const text = lineOf(typeof part === 'string' ? part : (jsonOf(part) ?? '…')).slice(0, 200);
    return [initial === undefined ? text : `${name}=${text}`];
  });
  return [...(typeof shown['version'] === 'number' ? [`v${shown['version']}`] : []), ...fields].join('  ');
};
