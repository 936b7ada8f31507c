/**
 * NDJSON: one JSON object a line, or an array of them: the fields of `POST /tasks` and `isDone`, a task as `GET /tasks`
 * shows it, or a line of `events replay`. Empty lines are skipped.
 */
import { messageOf } from '../../platform/errors.ts';
import { taskFields } from '../fields.ts';
import { judgeLine } from './judge.ts';
import { NOT_TEXT, type ImportLine, type Reader, type ReadOptions } from './lines.ts';
import { textLines } from './text-lines.ts';

/** What a task shows beside its fields; it is the store's to say. */
const SHOWN = ['id', 'version', 'schemaVersion', 'createdAt', 'updatedAt'];

type JsonObject = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A line of `events replay` has its task in `value`. */
const isEvent = (value: JsonObject): boolean => 'partition' in value && 'offset' in value && 'value' in value;

const toLine = (line: number, value: unknown, options: ReadOptions): ImportLine => {
  if (!isObject(value)) return { line, fault: 'is not a JSON object' };
  if (!isEvent(value)) return taskLine(line, value, options);
  const { type, value: task } = value;
  if (!isObject(task) || (typeof type === 'string' && type.endsWith('.deleted'))) {
    return { line, fault: 'is the event of a deletion: an import deletes nothing' };
  }
  return taskLine(line, task, options);
};

const taskLine = (line: number, value: JsonObject, { days }: ReadOptions): ImportLine => {
  const isShown = 'id' in value && 'version' in value;
  const given = Object.entries(value).filter(([name]) => !SHOWN.includes(name) && (!isShown || name in taskFields));
  const unknown = isShown ? [] : SHOWN.slice(1).filter((name) => name in value);
  if (unknown.length > 0) return { line, fault: `has ${unknown.join(', ')} and no id and version beside` };
  const fields = Object.fromEntries(given);
  const { dates } = fields;
  const fieldsIn = (timezone?: string) => {
    if (!isObject(dates)) return fields;
    const read = Object.entries(dates).map(([name, date]) => [
      name,
      typeof date === 'string' ? days(date, timezone) : date,
    ]);
    return { ...fields, dates: Object.fromEntries(read) as JsonObject };
  };
  return judgeLine(line, { fieldsIn, id: value['id'], updatedAt: value['updatedAt'] });
};

/** An array is one JSON text: it is held in memory, up to this size. */
const MAX_ARRAY_LENGTH = 64 * 1024 * 1024;

export const readNdjson: Reader = async function* (input, options) {
  /** The lines of an array, once the input has begun with one. */
  let array: string[] | undefined;
  let length = 0;
  let isFirst = true;
  let isWhole = true;
  for await (const { line, text } of textLines(input, options.encoding)) {
    const trimmed = text?.trim();
    if (trimmed === '') continue;
    if (isFirst && trimmed?.startsWith('[') === true) array = [];
    isFirst = false;
    if (array !== undefined && trimmed !== undefined) {
      length += trimmed.length;
      if (length > MAX_ARRAY_LENGTH) {
        yield { line: 1, fault: 'is an array of more than 64 MiB: write one object a line, as jq -c .[] does' };
        return;
      }
      array.push(trimmed);
    } else if (trimmed === undefined) {
      // What is left of an array may be JSON too, of a task without what the line says of it.
      isWhole = false;
      yield { line, fault: array === undefined ? NOT_TEXT : `${NOT_TEXT}; nothing of the array was read` };
    } else yield parse(line, trimmed, (value) => toLine(line, value, options));
  }
  if (array === undefined || !isWhole) return;
  const items = parse(1, array.join('\n'), (value) => value);
  if (!Array.isArray(items)) yield items as ImportLine;
  else for (const [index, item] of items.entries()) yield toLine(index + 1, item, options);
};

const parse = <T>(line: number, text: string, use: (value: unknown) => T): T | ImportLine => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { line, fault: `not JSON: ${messageOf(error)}` };
  }
  return use(value);
};
