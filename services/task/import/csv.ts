/**
 * CSV (RFC 4180) with a header line: the columns of the fields (`fields.ts`); those of a required field must be there.
 * Headers are read without regard to case, blanks and punctuation; other columns are refused, as a typo would drop data in silence,
 * and with the options that would read them.
 */
import { TaskstreamError } from '../../platform/errors.ts';
import { splitRecord } from './csv-record.ts';
import {
  columnOf,
  CSV_COLUMNS,
  MAP_COLUMNS,
  namesShown,
  plain,
  recognised,
  REQUIRED,
  saySuggestion,
  suggestColumns,
  withHint,
} from './columns.ts';
import { NOT_TEXT, type ImportLine, type Reader, type ReadOptions } from './lines.ts';
import { isForeignId } from './judge.ts';
import { rowLine, skippedBy } from './row.ts';
import { textLines, type TextLine } from './text-lines.ts';
import { meaningOf } from './words.ts';

const DELIMITERS = [',', ';', '\t', '|'];
/** Those that are looked for where none of them parts the header, to be named. */
const RARE_DELIMITERS = ['^', '~', ':', '\u0001', '\u001f'];

/** A quote that spans more is one that nobody closed. A column that is left out may be much longer than any field. */
const MAX_RECORD_LENGTH = 1024 * 1024;

/** What spreadsheets on Windows write in most of Europe and America. */
const WESTERN = ['--encoding', 'windows-1252'];

/** Records that are looked at for a hint: titles and notes stand above a header, and rarely more. */
const LOOKED_AT = 30;

/** @throws TaskstreamError when the header lacks a required column or has one twice or one that is not known. */
export const readCsv: Reader = async function* (input, options) {
  let header: Header | undefined;
  let delimiter = options.delimiter;
  const all = records(input, options, (first, more) => delimiter ?? delimiterIn(first, more, options));
  for await (const { line, text, extent, delimiter: parted } of all) {
    if (text === undefined) {
      if (header === undefined) {
        throw withHint(`The CSV header ${NOT_TEXT}.`, options.encoding === undefined ? WESTERN : []);
      }
      yield { line, fault: NOT_TEXT };
      continue;
    }
    if (header === undefined) {
      const named = /^("?)sep=(.)\1 *$/i.exec(text)?.[2];
      if (named !== undefined) {
        delimiter ??= named;
        continue;
      }
      delimiter ??= parted;
      const names = options.columns ?? cellsOf(text, delimiter);
      const problem = problemOf(names, options);
      if (problem !== undefined) throw await explain(problem, { line, text }, all, delimiter, options);
      header = headerOf(names, options);
      if (options.columns === undefined) continue;
    }
    if (extent === 'record') {
      const cells = cellsOf(text, delimiter ?? parted);
      if (isAgain(cells, header)) yield { line, skipped: 'the header again' };
      // Spreadsheets write rows without anything too.
      else if (cells.some((cell) => cell.trim() !== '')) yield parseRow(line, cells, header, options);
    } else yield { line, fault: FAULTS[extent] };
  }
};

const FAULTS = {
  unclosed: 'has a quote that is not closed',
  broken: 'has text behind a closing quote: a quote inside of a quoted cell stands twice',
};

const cellsOf = (text: string, delimiter: string): readonly string[] => {
  const cells = splitRecord(text, delimiter);
  return isComplete(cells) ? cells : [text];
};

const isComplete = (cells: ReturnType<typeof splitRecord>): cells is readonly string[] => Array.isArray(cells);

interface CsvRecord extends Omit<TextLine, 'legible'> {
  readonly extent: 'record' | keyof typeof FAULTS;
  readonly delimiter: string;
}

/**
 * Lines put together to records. What follows a quote that is not closed is read again, line by line.
 * @param delimiterOf what parts a line; it may look at the lines behind it
 */
const records = async function* (
  input: Parameters<Reader>[0],
  { encoding, skip = 0 }: ReadOptions,
  delimiterOf: (line: string, more: () => Promise<readonly string[]>) => string | Promise<string>,
): AsyncGenerator<CsvRecord, void> {
  const lines = textLines(input, encoding);
  /** Lines to be read before the input goes on, the next one last: there may be very many. */
  const again: TextLine[] = [];
  const next = async (): Promise<TextLine | undefined> => {
    const held = again.pop();
    if (held !== undefined) return held;
    const { done, value } = await lines.next();
    return done === true ? undefined : value;
  };
  const more = async (): Promise<readonly string[]> => {
    const ahead: TextLine[] = [];
    while (ahead.length < LOOKED_AT) {
      const line = await next();
      if (line === undefined) break;
      ahead.push(line);
    }
    again.push(...ahead.toReversed());
    return ahead.map(({ legible }) => legible);
  };
  for (let skipped = 0; skipped < skip; skipped += 1) await next();
  for (let first = await next(); first !== undefined; first = await next()) {
    if (first.text?.trim() === '') continue;
    const taken: TextLine[] = [];
    let text = first.legible;
    const delimiter = await delimiterOf(text, more);
    let state = splitRecord(text, delimiter);
    while (typeof state === 'object' && 'open' in state && text.length < MAX_RECORD_LENGTH) {
      const line = await next();
      if (line === undefined) break;
      taken.push(line);
      text += `\n${line.legible}`;
      // From where it was left: a record of many lines is not read again with each of them.
      state = splitRecord(`\n${line.legible}`, delimiter, state);
    }
    if (isComplete(state)) {
      // A cell of many lines is none without one of them.
      const garbled = [first, ...taken].find((each) => each.text === undefined);
      const [line, whole] = garbled === undefined ? [first.line, text] : [garbled.line, undefined];
      yield { line, text: whole, extent: 'record', delimiter };
    } else {
      const extent = state === 'broken' && taken.length === 0 ? 'broken' : 'unclosed';
      for (const line of taken.reverse()) again.push(line);
      yield { line: first.line, text: first.text, extent, delimiter };
    }
  }
};

/** The delimiter under which as much of the header as its first line has shows the most names that are known, or parts. */
const detect = (header: string, options: ReadOptions, delimiters: readonly string[] = DELIMITERS): string => {
  const scores = delimiters.map((delimiter) => {
    const state = splitRecord(header, delimiter);
    const cells = isComplete(state) ? state : state === 'broken' ? [] : state.cells;
    return recognised(cells, options) * 1_000 + Math.min(cells.length, 999);
  });
  return delimiters[scores.indexOf(Math.max(...scores))] ?? ',';
};

/** Of a header that is known it alone tells; else the lines do, as each has as many cells as the others. */
const delimiterIn = async (
  first: string,
  more: () => Promise<readonly string[]>,
  options: ReadOptions,
): Promise<string> => {
  const delimiter = detect(first, options);
  if (options.columns === undefined && recognised(cellsOf(first, delimiter), options) > 0) return delimiter;
  const lines = [first, ...(await more())].filter((line) => line.trim() !== '');
  const scores = DELIMITERS.map((each) => {
    const counts = lines.map((line) => {
      const state = splitRecord(line, each);
      return isComplete(state) ? state.length : 0;
    });
    // The most frequent number of cells, unless lines are not parted at all; or the one of the columns that are named.
    return Math.max(
      ...[...new Set(counts)]
        .filter((count) => count > 1 && count === (options.columns?.length ?? count))
        .map((count) => counts.filter((other) => other === count).length * 1_000 + Math.min(count, 999)),
      0,
    );
  });
  const best = Math.max(...scores);
  return best === 0 ? delimiter : (DELIMITERS[scores.indexOf(best)] ?? ',');
};

/** Whether a line names columns of tasks. */
export const isHeader = (line: string, options: ReadOptions): boolean => {
  const cells = cellsOf(line, detect(line, options));
  return cells.length > 1 && recognised(cells, options) > 1 && suggestColumns(cells, options) !== undefined;
};

interface Header {
  /** As it stands; nothing of a file without one. */
  readonly names: readonly string[];
  /** By place. */
  readonly columns: readonly (string | undefined)[];
  /** The place of the column that `--only` names. */
  readonly only: number;
}

/** Empty columns at the end are those of a spreadsheet's empty cells. */
const withoutTail = (cells: readonly string[]): readonly string[] =>
  cells.slice(0, cells.findLastIndex((cell) => cell !== '') + 1);

/** Whether a row is the header once more, as where files were put together. */
const isAgain = (cells: readonly string[], { names }: Header): boolean =>
  names.length > 0 && withoutTail(cells).join('\0') === names.join('\0');

const headerOf = (cells: readonly string[], options: ReadOptions): Header => ({
  names: options.columns === undefined ? withoutTail(cells) : [],
  columns:
    options.columns?.map((name) => MAP_COLUMNS.find((column) => plain(column) === plain(name)) ?? '') ??
    withoutTail(cells).map((name) => columnOf(name, options)),
  only: cells.findIndex((name) => plain(name) === plain(options.only?.name ?? '\0') && name !== ''),
});

const problemOf = (cells: readonly string[], options: ReadOptions): string | undefined => {
  const names = withoutTail(cells);
  const { columns, only } = headerOf(cells, options);
  const absent = Object.keys(options.map ?? {}).filter((from) => !names.some((name) => plain(name) === plain(from)));
  const onlyName = options.only !== undefined && only === -1 ? [options.only.name] : [];
  const unknown = names.filter((_, index) => columns[index] === undefined && index !== only);
  const missing = REQUIRED.filter((name) => !columns.includes(name));
  const meant = Object.keys(options.values ?? {}).filter((name) => !columns.includes(name));
  // Tags of several columns go together, and a title with the notes beside it; the same title twice would be an accident.
  const isOther = (index: number, before: number): boolean =>
    columns[index] === 'tags' ||
    (columns[index] === 'description' && plain(names[index] ?? '') !== plain(names[before] ?? ''));
  const twice = columns.filter((name, index) => {
    const before = columns.indexOf(name);
    return name && before !== index && !isOther(index, before);
  });
  if (absent.length + onlyName.length > 0) return `has no column "${[...absent, ...onlyName].join('", "')}"`;
  if (unknown.length > 0)
    return `does not know the column ${namesShown([...new Set(unknown)].map((name) => `"${name}"`))}`;
  if (missing.length > 0) return `has no column "${missing.join('", "')}"`;
  if (twice.length > 0) return `has the column "${twice.join('", "')}" twice`;
  return meant.length > 0
    ? `has no column that is read as "${meant.join('", "')}", of which --values speaks`
    : undefined;
};

/** What a person can do: the header stands further down, there is none, or its names mean something. */
const explain = async (
  problem: string,
  first: { readonly line: number; readonly text: string },
  rest: AsyncGenerator<CsvRecord, void>,
  delimiter: string,
  options: ReadOptions,
): Promise<TaskstreamError> => {
  const text = `The CSV header ${problem}; columns are ${CSV_COLUMNS.join(', ')}.`;
  const byHand = 'Name others by --map HEADER=COLUMN, or leave one out by --map HEADER=.';
  const seen: { readonly line: number; readonly text: string; readonly cells: readonly string[] }[] = [];
  const look = (record: { readonly line: number; readonly text: string }, at = delimiter): void => {
    seen.push({ ...record, cells: withoutTail(cellsOf(record.text, at)) });
  };
  look(first);
  while (seen.length < LOOKED_AT) {
    const { done, value } = await rest.next();
    if (done === true) break;
    if (value.text !== undefined) {
      look({ line: value.line, text: value.text }, options.delimiter ?? detect(value.text, options));
    }
  }
  if (options.columns !== undefined) return withHint(text, [], [byHand]);
  const suggestAt = (index: number, at = seen[index]?.cells ?? []) => {
    const id = at.findIndex((name) => plain(name) === 'id');
    const ids = id === -1 ? [] : seen.slice(index + 1).flatMap(({ cells }) => cells[id] ?? []);
    return suggestColumns(at, options, ids.some(isForeignId));
  };
  const scores = seen.map(({ cells }, index) => (suggestAt(index) === undefined ? 0 : recognised(cells, options)));
  const best = scores.indexOf(Math.max(...scores));
  const [here, there] = [scores[0] ?? 0, scores[best] ?? 0];
  const header = seen[best];
  // A row may have a word that is a name too.
  if (best > 0 && there > Math.max(here, 1) && header !== undefined) {
    const suggestion = suggestAt(best);
    const skip = ['--skip', String(header.line - 1)];
    return withHint(
      text,
      [...skip, ...(suggestion?.options ?? [])],
      [`Its header seems to be line ${header.line}.`, ...(suggestion === undefined ? [] : saySuggestion(suggestion))],
    );
  }
  if (here > 0) {
    const suggestion = suggestAt(0);
    if (suggestion !== undefined && suggestion.options.length > 0) {
      return withHint(text, suggestion.options, saySuggestion(suggestion));
    }
  }
  const rare = detect(first.text, options, RARE_DELIMITERS);
  const parted = cellsOf(first.text, rare);
  if ((seen[0]?.cells.length ?? 0) <= 1 && recognised(parted, options) > 1) {
    const suggestion = suggestAt(0, parted);
    return withHint(
      text,
      ['--delimiter', rare, ...(suggestion?.options ?? [])],
      [`Its columns seem to be parted by ${JSON.stringify(rare)}.`],
    );
  }
  const columns = options.map === undefined ? guessColumns(seen[0]?.cells ?? [], options) : undefined;
  if (columns === undefined) return withHint(text, [], [byHand]);
  return withHint(text, ['--columns', columns], ['If the file has no header, name its columns in their order.']);
};

/** Columns of a first row that may be one of tasks: a date is when it is due, and the longest text what it is. */
const guessColumns = (cells: readonly string[], { days }: ReadOptions): string | undefined => {
  const guesses = cells.map((cell) => {
    if (/^\d{4}-\d\d-\d\dT/.test(days(cell))) return 'due';
    if (meaningOf('priority', cell) !== undefined) return 'priority';
    return meaningOf('isDone', cell) === undefined ? '' : 'isDone';
  });
  const texts = cells.map((cell, index) => (guesses[index] === '' && !/^[\d.,\s-]*$/.test(cell) ? cell.length : 0));
  const longest = texts.indexOf(Math.max(...texts));
  if ((texts[longest] ?? 0) === 0 || !guesses.some((guess) => guess !== '')) return undefined;
  return guesses
    .map((guess, index) => (index === longest ? 'description' : guesses.indexOf(guess) === index ? guess : ''))
    .join();
};

const parseRow = (
  line: number,
  cells: readonly string[],
  { columns, only }: Header,
  options: ReadOptions,
): ImportLine => {
  const skipped = skippedBy(options, cells[only]?.trim());
  if (skipped !== undefined) return { line, skipped };
  if (cells.slice(columns.length).some((cell) => cell !== '')) {
    return { line, fault: `has ${cells.length} cells, and the header has ${columns.length} columns` };
  }
  // An empty cell says nothing, and so does one that a short row does not have.
  const cellsOf = (column: string): string[] =>
    columns.flatMap((name, index) => (name === column ? cells[index]?.trim() || [] : []));
  return rowLine(line, cellsOf, options);
};

/** Columns by their names in the order of a file without a header; '' for one that is left out. @throws TaskstreamError */
export const checkColumns = (list: string): readonly string[] => {
  const names = list.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => name !== '' && !MAP_COLUMNS.some((column) => plain(column) === plain(name)));
  if (unknown.length === 0) return names;
  throw new TaskstreamError('validation_failed', `There is no column "${unknown.join('", "')}".`);
};
