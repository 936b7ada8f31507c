/** An import run: lines in, tasks out, many at a time, each line with its fate. */
import { accessSync, constants, createReadStream, realpathSync, statSync } from 'node:fs';
import { extname, isAbsolute } from 'node:path';
import pMap, { pMapSkip } from 'p-map';
import { codeOf, messageOf, TaskstreamError } from '../../platform/errors.ts';
import type { ApiOptions } from '../../task/api.ts';
import { createTask, type CreateResult } from '../../task/import/create-task.ts';
import { readCsv } from '../../task/import/csv.ts';
import { FORMATS, type Format } from './formats.ts';
import { createKeyMaker } from './key.ts';
import type { ImportLine, Reader, ReadOptions } from '../../task/import/lines.ts';
import { readNdjson } from '../../task/import/ndjson.ts';
import { readTodoTxt } from '../../task/import/todotxt.ts';
import { countWords, type UnknownWord } from './unknown-words.ts';

export const readers = { ndjson: readNdjson, csv: readCsv, todotxt: readTodoTxt } satisfies Record<Format, Reader>;

const FORMAT_OF_EXTENSION: Readonly<Record<string, Format>> = {
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.json': 'ndjson',
  '.csv': 'csv',
  '.tsv': 'csv',
  // What such a file really is, its first bytes say.
  '.xlsx': 'csv',
  '.xls': 'csv',
  '.ods': 'csv',
  '.numbers': 'csv',
  '.txt': 'todotxt',
  '.ics': 'todotxt',
};

/** Those that have to become another first. */
const CONVERTED: Readonly<Record<string, string>> = { '.md': 'Markdown', '.markdown': 'Markdown', '.org': 'org mode' };

export interface ImportOptions {
  /** Path, or `-` for standard input. */
  readonly file: string;
  readonly format: Format | undefined;
  /** Name of the source in the idempotency keys; the file's path when not given. Standard input has none. */
  readonly source: string | undefined;
  /** How the file is to be read. */
  readonly read: ReadOptions;
  readonly concurrency: number;
  readonly api: ApiOptions;
  /** Told after each line. */
  readonly onLine: (summary: Readonly<ImportSummary>) => void;
  /** Told about each line, or object of a JSON document, that did not go in; but of unknown words the summary tells. */
  readonly onFault: (line: number, fault: string, what: 'line' | 'object') => void;
}

export interface ImportSummary {
  lines: number;
  created: number;
  updated: number;
  present: number;
  refused: number;
  /** How many lines were no tasks, by what they were; absent where all were. */
  skipped?: Record<string, number>;
  /** Words that are not known, by column and word; absent where all were. Their lines are refused. */
  unknown?: Map<string, UnknownWord>;
  /** How many lines said what a task has no place for, by what it was; absent where none did. */
  leftOut?: Record<string, number>;
}

/** Options that a format has no use for. */
const USELESS: Readonly<Record<Format, readonly (keyof ReadOptions)[]>> = {
  ndjson: ['delimiter', 'skip', 'columns'],
  csv: ['at'],
  todotxt: ['delimiter', 'skip', 'columns', 'map', 'ignoreUnknown', 'only', 'values', 'at'],
};

/** @throws TaskstreamError for options that would do nothing */
const checkUse = (format: Format, read: ReadOptions): void => {
  const useless = USELESS[format].filter((name) => read[name] !== undefined);
  if (useless.length === 0) return;
  const flags = useless.map((name) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`).join(', ');
  throw new TaskstreamError(
    'validation_failed',
    `${flags} has no effect on ${format}: leave it out, or name another --format.`,
  );
};

/**
 * Imports a file.
 * @throws TaskstreamError when the file cannot be read, its format is not known, or the API stays down; what went in
 * until then is skipped by the next run, as every line has its key.
 */
export const runImport = async (options: ImportOptions): Promise<ImportSummary> => {
  const { file, concurrency, api, read, onLine, onFault } = options;
  const format = options.format ?? FORMAT_OF_EXTENSION[extname(file).toLowerCase()];
  const foreign = CONVERTED[extname(file).toLowerCase()];
  if (format === undefined && foreign !== undefined) {
    throw new TaskstreamError(
      'validation_failed',
      `${file} is ${foreign}: make a todo.txt of its tasks, as docs/import.md shows, and import that.`,
    );
  }
  if (format === undefined) {
    if (file !== '-') checkReadable(file);
    throw new TaskstreamError('validation_failed', `Say what format ${file} has: --format ${FORMATS.join('|')}.`);
  }
  checkUse(format, read);
  const source = options.source ?? sourceOf(file);
  const input = file === '-' ? process.stdin : createReadStream(checkReadable(file));
  const keyOf = createKeyMaker(source);
  const summary: ImportSummary = { lines: 0, created: 0, updated: 0, present: 0, refused: 0 };

  const inTurn = takeTurns();
  const take = takeStates(api);

  const importLine = async (entry: ImportLine): Promise<typeof pMapSkip> => {
    try {
      if ('fault' in entry) throw new TaskstreamError('validation_failed', entry.fault);
      if ('skipped' in entry) {
        summary.skipped = oneMore(summary.skipped, entry.skipped);
      } else {
        summary[await inTurn(keyOf(entry.identity), (key) => take(entry, key))] += 1;
        if (entry.leftOut !== undefined) summary.leftOut = oneMore(summary.leftOut, entry.leftOut);
      }
    } catch (error) {
      // Without the API, or a right to call it, no line can go in: stop, and say so once.
      if (error instanceof TaskstreamError && (error.retriable || isAboutCaller(error))) throw error;
      summary.refused += 1;
      const words = 'unknown' in entry ? entry.unknown : undefined;
      const what = entry.isItem === true ? 'object' : 'line';
      if (words === undefined || !countWords((summary.unknown ??= new Map()), `${what} ${entry.line}`, words))
        onFault(entry.line, messageOf(error), what);
    }
    summary.lines += 1;
    onLine(summary);
    return pMapSkip;
  };
  const lines = readers[format](input, { ...read, isGuess: options.format === undefined });
  await pMap(lines, importLine, { concurrency });
  return summary;
};

const oneMore = (counts: Record<string, number> | undefined, what: string): Record<string, number> => ({
  ...counts,
  [what]: (counts?.[what] ?? 0) + 1,
});

const isAboutCaller = ({ code }: TaskstreamError): boolean =>
  code === 'unauthenticated' || code === 'insufficient_scope';

/** Lines of one key, such as the events of one id, go in one after the other, in the order of the input. */
const takeTurns = () => {
  const last = new Map<string, Promise<unknown>>();
  return async <T>(key: string, run: (key: string) => Promise<T>): Promise<T> => {
    const turn = (last.get(key) ?? Promise.resolve()).then(() => run(key));
    const settled = turn.catch(() => undefined);
    last.set(key, settled);
    try {
      return await turn;
    } finally {
      if (last.get(key) === settled) last.delete(key);
    }
  };
};

/**
 * Events of one task come in order, and each is older than the change that the one before it has just made here: it counts
 * against that event, and not against the change.
 */
const takeStates = (api: ApiOptions) => {
  const takenAt = new Map<string, number>();
  const begun = new Set<string>();
  return async (entry: Extract<ImportLine, { task: unknown }>, key: string): Promise<CreateResult> => {
    const { id, updatedAt } = entry;
    if (id === undefined) return createTask(entry, key, api);
    // The next import begins with the first line of an id: its key has to know that one.
    const renewsKey = !begun.has(key);
    begun.add(key);
    if (updatedAt === undefined) return createTask({ ...entry, renewsKey }, key, api);
    const time = Date.parse(updatedAt);
    const isNext = (takenAt.get(id) ?? Infinity) <= time;
    const result = await createTask({ ...entry, renewsKey, ...(isNext && { updatedAt: undefined }) }, key, api);
    if (result === 'updated') takenAt.set(id, time);
    return result;
  };
};

/** Two files are two sources, whatever their names. @throws TaskstreamError for standard input and other pipes, whose names change */
const sourceOf = (file: string): string => {
  if (file !== '-' && !statSync(checkReadable(file)).isFIFO()) return realpathSync(file);
  throw new TaskstreamError(
    'validation_failed',
    'Standard input, or a pipe, needs --source NAME: the same lines under the same name make no second task, under another they do.',
  );
};

const checkReadable = (file: string): string => {
  try {
    const stats = statSync(file);
    if (stats.isDirectory()) throw new Error('it is a folder: name a file in it');
    accessSync(file, constants.R_OK);
    // A pipe of the shell, as `<(…)` is, can be read too.
    if (!stats.isFile() && !stats.isFIFO()) throw new Error('it is not a file');
    return file;
  } catch (error) {
    const word = SYSTEM_WORDS[String(codeOf(error))] ?? messageOf(error);
    // npm runs scripts in the clone's folder, wherever it was called.
    const reason = codeOf(error) === 'ENOENT' && !isAbsolute(file) ? `${word} in ${process.cwd()}` : word;
    throw new TaskstreamError('validation_failed', `Cannot read ${file}: ${reason}.`, { cause: error });
  }
};

const SYSTEM_WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'you may not read it, or not enter its folder',
  EPERM: 'you may not read it',
  EISDIR: 'it is a folder: name a file in it',
  ELOOP: 'its symbolic links go round in a circle',
  ENAMETOOLONG: 'no file has such a long name',
};
