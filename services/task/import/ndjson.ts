/**
 * NDJSON: one JSON object a line, or JSON documents with a list of them: the fields of `POST /tasks` and `isDone`, a task as
 * `GET /tasks` shows it, a line of `events replay`, or what the options make tasks of. Empty lines are skipped.
 */
import { messageOf } from '../../platform/errors.ts';
import { SET_BY_SERVICE } from '../../pipeline/field.ts';
import { taskFields } from '../fields.ts';
import { checkKeys, checkMap, isObject, itemsOf, jsonRow, readsRows, type JsonObject } from './json-rows.ts';
import { judgeLine } from './judge.ts';
import { NOT_TEXT, type ImportLine, type Reader, type ReadOptions } from './lines.ts';
import { textLines } from './text-lines.ts';

/** A line of `events replay` has its task in `value`. */
const isEvent = (value: JsonObject): boolean => 'partition' in value && 'offset' in value && 'value' in value;

/** As the API shows a task. */
const isShown = (value: JsonObject): boolean => 'id' in value && 'version' in value;

const toLine = (line: number, value: unknown, options: ReadOptions): ImportLine => {
  if (!isObject(value)) return { line, fault: 'is not a JSON object' };
  if (!isEvent(value)) return taskLine(line, value, options);
  const { type, value: task } = value;
  if (!isObject(task) || (typeof type === 'string' && type.endsWith('.deleted'))) {
    return { line, fault: 'is the event of a deletion: an import deletes nothing' };
  }
  return taskLine(line, task, options);
};

const taskLine = (line: number, value: JsonObject, options: ReadOptions): ImportLine => {
  if (readsRows(options)) return jsonRow(line, value, options);
  const { days } = options;
  const given = Object.entries(value).filter(
    ([name]) => !SET_BY_SERVICE.includes(name) && (!isShown(value) || name in taskFields),
  );
  const unknown = isShown(value) ? [] : SET_BY_SERVICE.slice(1).filter((name) => name in value);
  if (unknown.length > 0) return { line, fault: `has ${unknown.join(', ')} and no id and version beside` };
  const fields = Object.fromEntries(given);
  const { dates } = fields;
  const fieldsIn = (timezone?: string) => {
    if (!isObject(dates)) return fields;
    const read = Object.entries(dates).map(([name, date]) => [
      name,
      typeof date === 'string' || typeof date === 'number' ? days(String(date), timezone) : date,
    ]);
    return { ...fields, dates: Object.fromEntries(read) as JsonObject };
  };
  return judgeLine(line, { fieldsIn, id: value['id'], updatedAt: value['updatedAt'] });
};

/** A document is one JSON text: it is held in memory, up to this size. */
const MAX_DOCUMENT_LENGTH = 64 * 1024 * 1024;

type TextLines = readonly { readonly line: number; readonly text: string }[];

export const readNdjson: Reader = async function* (input, options) {
  /** The lines of a document, once the input has begun with one. */
  let document: { line: number; text: string }[] | undefined;
  let length = 0;
  let isFirst = true;
  let isWhole = true;
  for await (const { line, text } of textLines(input, options.encoding)) {
    const trimmed = text?.trim();
    if (trimmed === '') continue;
    if (isFirst && trimmed !== undefined && beginsDocument(trimmed, options)) document = [];
    isFirst = false;
    if (trimmed === undefined) {
      // What is left of an array may be JSON too, of a task without what the line says of it.
      isWhole = false;
      const what = document?.[0]?.text.startsWith('[') === true ? 'array' : 'document';
      yield { line, fault: document === undefined ? NOT_TEXT : `${NOT_TEXT}; nothing of the ${what} was read` };
    } else if (document === undefined) yield parse(line, trimmed, (value) => toLine(line, value, options));
    else {
      length += trimmed.length;
      if (length > MAX_DOCUMENT_LENGTH) {
        yield { line: 1, fault: 'is a document of more than 64 MiB: write one object a line, as jq -c .[] does' };
        return;
      }
      document.push({ line, text: trimmed });
    }
  }
  if (document !== undefined && isWhole) yield* documentLines(document, options);
};

/** A list, or an object that its first line does not end; of one alone in its line, its keys say whether it is a task. */
const beginsDocument = (line: string, options: ReadOptions): boolean => {
  if (!line.startsWith('{')) return line.startsWith('[');
  try {
    const value: unknown = JSON.parse(line);
    if (!isObject(value) || isEvent(value)) return false;
    if (options.at !== undefined) return true;
    const items = itemsOf(value, options);
    if (items[0] !== value) return true;
    if (!readsRows(options) && !isShown(value)) checkKeys([value], options);
    return false;
  } catch (error) {
    if (error instanceof SyntaxError) return true;
    throw error;
  }
};

/** A string, or a bracket. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{}]/g;

/**
 * The values of a document: one, or several behind each other, as pages of the API in one file, or what jq writes without -c.
 * @throws SyntaxError when it is neither
 */
const valuesIn = (text: string): readonly unknown[] => {
  try {
    return [JSON.parse(text)];
  } catch (error) {
    const ends: number[] = [];
    let depth = 0;
    for (const { 0: token, index } of text.matchAll(TOKEN)) {
      if (token.startsWith('"')) continue;
      depth += token === '{' || token === '[' ? 1 : -1;
      if (depth === 0) ends.push(index + 1);
    }
    // What is left at the end must be nothing.
    if (ends.length < 2 || text.slice(ends.at(-1)).trim() !== '') throw error;
    return ends.map((end, n): unknown => JSON.parse(text.slice(ends[n - 1] ?? 0, end)));
  }
};

const documentLines = function* (lines: TextLines, options: ReadOptions): Generator<ImportLine> {
  let values: readonly unknown[];
  try {
    values = valuesIn(lines.map(({ text }) => text).join('\n'));
  } catch (error) {
    if (lines[0]?.text.startsWith('[') === true) yield { line: 1, fault: `not JSON: ${messageOf(error)}` };
    // Objects by line, of which the first is broken.
    else for (const { line, text } of lines) yield parse(line, text, (each) => toLine(line, each, options));
    return;
  }
  const items = values.flatMap((value) => itemsOf(value, options));
  const objects = items.filter(isObject).filter((each) => !isEvent(each));
  if (readsRows(options)) checkMap(objects, options);
  else
    checkKeys(
      objects.filter((each) => !isShown(each)),
      options,
    );
  for (const [index, item] of items.entries()) yield { ...toLine(index + 1, item, options), isItem: true };
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
