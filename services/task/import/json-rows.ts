/** JSON of other tools as rows: a key within a key is a column `outer.inner`, and a list of objects has one for each of their keys. */
import { columnOf, plain, recognised, saySuggestion, suggestColumns, withHint } from './columns.ts';
import { isForeignId } from './judge.ts';
import type { ImportLine, ReadOptions } from './lines.ts';
import { rowLine, skippedBy } from './row.ts';
import { LISTS } from './vocabulary.ts';

export type JsonObject = Readonly<Record<string, unknown>>;
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Deeper ones are no tool's tasks. */
const MAX_DEPTH = 4;
/** What the fields call them. */
const OWN_PATHS: ReadonlyMap<string, string> = new Map([
  ['dates.due', 'due'],
  ['dates.start', 'start'],
]);

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** The texts of an object, by path. */
const pathsOf = (value: unknown, path = '', found = new Map<string, string[]>()): ReadonlyMap<string, string[]> => {
  if (value === null || value === undefined) return path === '' ? found : found.set(path, found.get(path) ?? []);
  if (typeof value !== 'object') return found.set(path, [...(found.get(path) ?? []), textOf(value)]);
  if (path.split('.').length >= MAX_DEPTH) return found;
  const entries = Array.isArray(value) ? value.map((each) => ['', each] as const) : Object.entries(value);
  for (const [key, each] of entries) pathsOf(each, [path, key].filter((part) => part !== '').join('.'), found);
  return found;
};

/** Whether the options speak of other keys than ours. */
export const readsRows = ({ map, ignoreUnknown, only, values }: ReadOptions): boolean =>
  map !== undefined || ignoreUnknown === true || only !== undefined || values !== undefined;

export const jsonRow = (line: number, value: JsonObject, options: ReadOptions): ImportLine => {
  const paths = [...pathsOf(value)];
  const onlyName = plain(options.only?.name ?? '');
  const only = paths.find(([path]) => plain(path) === onlyName)?.[1].join();
  const skipped = skippedBy(options, only);
  if (skipped !== undefined) return { line, skipped };
  const columns = new Map<string, string[]>();
  const unknown: string[] = [];
  for (const [path, texts] of paths) {
    const column = columnOf(OWN_PATHS.get(path) ?? path, options);
    if (column !== undefined) columns.set(column, [...(columns.get(column) ?? []), ...texts]);
    else if (plain(path) !== onlyName) unknown.push(path);
  }
  if (unknown.length > 0) {
    return {
      line,
      fault: `does not know the key ${unknown.join(', ')}: name it by --map KEY=COLUMN, or --ignore-unknown`,
    };
  }
  const cellsOf = (column: string): string[] => {
    const texts = (columns.get(column) ?? []).map((text) => text.trim()).filter((text) => text !== '');
    // As a list, since the names of one may have a comma.
    return column === 'tags' && texts.length > 1 ? [JSON.stringify(texts)] : texts;
  };
  // When an object of ours was changed: an older state must not overwrite a newer one.
  const { id, version } = value;
  const isOurs = typeof id === 'string' && !isForeignId(id) && version !== undefined;
  const updatedAt = isOurs ? value['updatedAt'] : undefined;
  return rowLine(line, cellsOf, options, updatedAt);
};

/** Objects that are looked at for a hint. */
const LOOKED_AT = 50;

const suggestFor = (objects: readonly JsonObject[], options: ReadOptions) => {
  const looked = objects.slice(0, LOOKED_AT);
  const names = [
    ...new Set(looked.flatMap((each) => [...pathsOf(each).keys()].map((path) => OWN_PATHS.get(path) ?? path))),
  ];
  const hasForeignIds = looked.some(({ id }) => id !== undefined && id !== null && isForeignId(textOf(id)));
  return { names, suggestion: suggestColumns(names, options, hasForeignIds) };
};

/** @throws TaskstreamError with options that read the objects, where they are not ours and some tool's */
export const checkKeys = (objects: readonly JsonObject[], options: ReadOptions, at: readonly string[] = []): void => {
  const { suggestion } = suggestFor(objects, options);
  if (suggestion === undefined || suggestion.options.length + at.length === 0) return;
  // What has no name for anything else is a typing error, of which its line tells.
  if (at.length === 0 && !suggestion.options.includes('--map')) return;
  const where =
    at.length === 0 ? 'Its objects have other keys than tasks here.' : `Its tasks seem to be in "${at[1] ?? ''}".`;
  throw withHint(where, [...at, ...suggestion.options], saySuggestion(suggestion));
};

/** @throws TaskstreamError where the options name keys that no object has */
export const checkMap = (objects: readonly JsonObject[], { map = {}, only }: ReadOptions): void => {
  const names = new Set(objects.flatMap((each) => [...pathsOf(each).keys()].map(plain)));
  const absent = [...Object.keys(map), ...(only === undefined ? [] : [only.name])].filter(
    (key) => !names.has(plain(key)),
  );
  if (absent.length > 0 && objects.length > 0) {
    throw withHint(
      `No object has the key "${absent.join('", "')}"; keys are ${[...names].slice(0, 40).join(', ')}.`,
      [],
    );
  }
};

/** What stands at a path, lists within lists put together; nothing where that is no list. */
const listAt = (value: unknown, path: readonly string[]): readonly unknown[] | undefined => {
  const [key, ...rest] = path;
  if (key === undefined) return Array.isArray(value) ? value : undefined;
  if (isObject(value)) return key in value ? listAt(value[key], rest) : undefined;
  if (!Array.isArray(value)) return undefined;
  const lists = value.flatMap((each) => [listAt(each, path) ?? []]);
  return lists.flat();
};

/** Paths of lists of objects in a document. */
const listPaths = (value: unknown, path: readonly string[] = []): readonly string[] => {
  if (path.length > MAX_DEPTH) return [];
  if (Array.isArray(value)) {
    const objects = value.filter(isObject).slice(0, LOOKED_AT);
    if (objects.length === 0) return [];
    return [path.join('.'), ...objects.flatMap((each) => listPaths(each, path))];
  }
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, each]) => (key.includes('.') ? [] : listPaths(each, [...path, key])));
};

/**
 * The tasks of a document: those of a list, those at the path that the options name, or the only one.
 * @throws TaskstreamError with the path where they seem to be
 */
export const itemsOf = (value: unknown, options: ReadOptions): readonly unknown[] => {
  if (options.at !== undefined) {
    const items = listAt(value, options.at.split('.'));
    if (items !== undefined) return items;
    const paths = [...new Set(listPaths(value))].filter((path) => path !== '');
    const lists = paths.length === 0 ? 'none' : paths.join(', ');
    throw withHint(`There is no list at "${options.at}"; lists are at: ${lists}.`, []);
  }
  if (Array.isArray(value)) return value;
  if (!isObject(value) || 'description' in value) return [value];
  if (value['object'] === 'list' && Array.isArray(value['results'])) {
    // Each property is an object by its type, and a text a list of pieces.
    const what = "It looks like a page of Notion's API, in which a title is a list of pieces";
    throw withHint(`${what}: export the database from Notion as CSV, and import that.`, []);
  }
  // As the API lists tasks, and as it shows one.
  const { tasks, task } = value;
  if (Array.isArray(tasks) && tasks.every((each) => isObject(each) && 'description' in each)) return tasks;
  if (isObject(task) && 'description' in task && Object.keys(value).length === 1) return [task];
  const scoreOf = (objects: readonly JsonObject[]): number => {
    const { names, suggestion } = suggestFor(objects, options);
    return suggestion === undefined ? 0 : recognised(names, options) * 10 + suggestion.options.length;
  };
  // A task may have lists too, as its labels are.
  const own = scoreOf([value]);
  const candidates = [...new Set(listPaths(value))].map((path) => {
    const objects = (listAt(value, path.split('.')) ?? []).filter(isObject);
    const score = scoreOf(objects);
    return { path, objects, score: score === 0 ? 0 : score + (LISTS.includes(plain(path)) ? 15 : 0) };
  });
  const best = candidates.toSorted((a, b) => b.score - a.score)[0];
  if (best !== undefined && best.score > own) checkKeys(best.objects, options, ['--at', best.path]);
  return [value];
};
