/**
 * CSV (RFC 4180) with a header line: the columns of the fields (`fields.ts`); those of a required field must be there.
 * Headers are read without regard to case, blanks and hyphens; other columns are refused, as a typo would drop data in silence.
 */
import { TaskstreamError } from '../../platform/errors.ts';
import type { Fields } from '../../pipeline/field.ts';
import { taskFields } from '../fields.ts';
import { splitRecord } from './csv-record.ts';
import { judgeLine } from './judge.ts';
import { NOT_TEXT, type ImportLine, type Reader, type ReadOptions } from './lines.ts';
import { textLines, type TextLine } from './text-lines.ts';

const fields: Fields = taskFields;

const columnsOf = (list: readonly Fields[string][]) => list.flatMap(({ csv }) => csv?.columns ?? []);
/** The task's own id, which an export writes, makes a row the same row the next time. */
export const CSV_COLUMNS = [...columnsOf(Object.values(fields)), 'id'];
const REQUIRED = columnsOf(Object.values(fields).filter(({ initial }) => initial === undefined));
const DATES = ['start', 'due'];
const DELIMITERS = [',', ';', '\t', '|'];

/** A quote that spans more is one that nobody closed. A column that is left out may be much longer than any field. */
const MAX_RECORD_LENGTH = 1024 * 1024;

/** @throws TaskstreamError when the header lacks a required column or has one twice or one that is not known. */
export const readCsv: Reader = async function* (input, options) {
  let header: readonly (string | undefined)[] | undefined;
  let delimiter = options.delimiter;
  for await (const { line, text, extent } of records(input, options, (first) => delimiter ?? detect(first, options))) {
    if (text === undefined) {
      if (header === undefined) throw new TaskstreamError('validation_failed', `The CSV header ${NOT_TEXT}.`);
      yield { line, fault: NOT_TEXT };
    } else if (header === undefined) {
      const named = /^("?)sep=(.)\1$/i.exec(text)?.[2];
      if (named !== undefined) {
        delimiter ??= named;
        continue;
      }
      delimiter ??= detect(text, options);
      header = checkHeader(cellsOf(text, delimiter), options);
    } else if (extent === 'record') {
      const cells = cellsOf(text, delimiter ?? ',');
      // Spreadsheets write rows without anything too.
      if (cells.some((cell) => cell.trim() !== '')) yield parseRow(line, cells, header, options);
    } else yield { line, fault: 'has a quote that is not closed' };
  }
};

const cellsOf = (text: string, delimiter: string): readonly string[] => {
  const cells = splitRecord(text, delimiter);
  return isComplete(cells) ? cells : [text];
};

const isComplete = (cells: ReturnType<typeof splitRecord>): cells is readonly string[] => Array.isArray(cells);

interface CsvRecord extends TextLine {
  readonly extent: 'record' | 'unclosed';
}

/** Lines put together to records. What follows a quote that is not closed is read again, line by line. */
const records = async function* (
  input: Parameters<Reader>[0],
  { encoding }: ReadOptions,
  delimiterOf: (firstLine: string) => string,
): AsyncGenerator<CsvRecord> {
  const lines = textLines(input, encoding);
  /** Lines to be read before the input goes on, the next one last: there may be very many. */
  const again: TextLine[] = [];
  const next = async (): Promise<TextLine | undefined> => {
    const held = again.pop();
    if (held !== undefined) return held;
    const { done, value } = await lines.next();
    return done === true ? undefined : value;
  };
  for (let first = await next(); first !== undefined; first = await next()) {
    if (first.text?.trim() === '') continue;
    const taken: TextLine[] = [];
    let text = first.text;
    const delimiter = delimiterOf(text ?? '');
    let state = text === undefined ? [] : splitRecord(text, delimiter);
    while (typeof state === 'object' && 'open' in state && text !== undefined && text.length < MAX_RECORD_LENGTH) {
      const more = await next();
      if (more !== undefined) taken.push(more);
      if (more?.text === undefined) break;
      text += `\n${more.text}`;
      // From where it was left: a record of many lines is not read again with each of them.
      state = splitRecord(`\n${more.text}`, delimiter, state);
    }
    if (isComplete(state)) yield { line: first.line, text, extent: 'record' };
    else {
      for (const line of taken.reverse()) again.push(line);
      yield { line: first.line, text: first.text, extent: 'unclosed' };
    }
  }
};

/** The delimiter under which the header has the most columns that are known, in as much of it as its first line has. */
const detect = (header: string, options: ReadOptions): string => {
  const scores = DELIMITERS.map((delimiter) => {
    const state = splitRecord(header, delimiter);
    const cells = isComplete(state) ? state : state === 'broken' ? [] : state.cells;
    return cells.filter((cell) => columnOf(cell, options) !== undefined).length;
  });
  return DELIMITERS[scores.indexOf(Math.max(...scores))] ?? ',';
};

const plain = (name: string): string => name.toLowerCase().replace(/[\s_-]/g, '');

/** The column of a header; '' for one that is to be left out, and nothing for one that is not known. */
const columnOf = (header: string, { map = {} }: ReadOptions): string | undefined => {
  const mapped = Object.entries(map).find(([from]) => plain(from) === plain(header))?.[1] ?? header;
  if (mapped === '' && header !== '') return '';
  return CSV_COLUMNS.find((column) => plain(column) === plain(mapped));
};

const checkHeader = (cells: readonly string[], options: ReadOptions): readonly (string | undefined)[] => {
  const names = cells.slice(0, cells.findLastIndex((cell) => cell !== '') + 1);
  const columns = names.map((name) => columnOf(name, options));
  const unknown = names.filter((_, index) => columns[index] === undefined);
  const missing = REQUIRED.filter((name) => !columns.includes(name));
  const twice = columns.filter((name, index) => name !== '' && name !== undefined && columns.indexOf(name) !== index);
  const problem =
    unknown.length > 0
      ? `does not know the column "${unknown.join('", "')}"`
      : missing.length > 0
        ? `has no column "${missing.join('", "')}"`
        : twice.length > 0
          ? `has the column "${twice.join('", "')}" twice`
          : undefined;
  if (problem !== undefined) {
    throw new TaskstreamError(
      'validation_failed',
      `The CSV header ${problem}; columns are ${CSV_COLUMNS.join(', ')}. Name others by --map HEADER=COLUMN, or leave one out by --map HEADER=.`,
    );
  }
  return columns;
};

const parseRow = (
  line: number,
  cells: readonly string[],
  header: readonly (string | undefined)[],
  { days }: ReadOptions,
): ImportLine => {
  if (cells.slice(header.length).some((cell) => cell !== '')) {
    return { line, fault: `has ${cells.length} cells, and the header has ${header.length} columns` };
  }
  // An empty cell says nothing, and so does one that a short row does not have.
  const cellOf = (column: string, timezone?: string): string | undefined => {
    const cell = cells[header.indexOf(column)]?.trim();
    return cell && DATES.includes(column) ? days(cell, timezone) : cell || undefined;
  };
  const fieldsIn = (timezone?: string) =>
    Object.fromEntries(
      Object.entries(fields).map(([name, { csv }]) => {
        const own = Object.fromEntries((csv?.columns ?? []).map((column) => [column, cellOf(column, timezone)]));
        return [name, csv?.read(own)];
      }),
    );
  return judgeLine(line, { fieldsIn, id: cellOf('id') });
};
