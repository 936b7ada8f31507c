/**
 * CSV (RFC 4180) with a header line: the columns of the fields (`fields.ts`); those of a required field must be there.
 * Header names are read without regard to case; other columns are refused, as a typo would drop data in silence.
 */
import { parse, type Info } from 'csv-parse';
import { TaskstreamError } from '../../platform/errors.ts';
import type { Fields } from '../../pipeline/field.ts';
import { taskFields } from '../fields.ts';
import { judgeLine } from './judge.ts';
import type { ImportLine, Reader } from './lines.ts';

const fields: Fields = taskFields;

const columnsOf = (list: readonly Fields[string][]) => list.flatMap(({ csv }) => csv?.columns ?? []);
const COLUMNS = columnsOf(Object.values(fields));
const REQUIRED = columnsOf(Object.values(fields).filter(({ initial }) => initial === undefined));

interface Row {
  readonly info: Info;
  readonly raw: string;
  readonly record: Record<string, string>;
}

/** @throws TaskstreamError when the header lacks a required column or has one that is not known. */
export const readCsv: Reader = async function* (input) {
  const skipped: ImportLine[] = [];
  const rows = input.pipe(
    parse({
      bom: true,
      columns: checkHeader,
      info: true,
      raw: true,
      skip_empty_lines: true,
      skip_records_with_error: true,
      trim: true,
    }),
  );
  // A broken input must end the rows too; `pipe` alone does not pass errors on.
  input.on('error', (error: Error) => rows.destroy(error));
  rows.on('skip', (error: (Error & { lines?: number }) | undefined, raw: string | undefined) => {
    skipped.push({ line: error?.lines ?? 0, raw: raw ?? '', fault: error?.message ?? 'not a CSV record' });
  });
  for await (const row of rows as AsyncIterable<Row>) {
    yield* skipped.splice(0);
    yield parseRow(row);
  }
  yield* skipped;
};

const checkHeader = (header: string[]): string[] => {
  const names = header.map((name) => COLUMNS.find((column) => column.toLowerCase() === name.toLowerCase()) ?? name);
  const unknown = names.filter((name) => !COLUMNS.includes(name));
  const missing = REQUIRED.filter((name) => !names.includes(name));
  if (unknown.length > 0 || missing.length > 0) {
    const problem =
      unknown.length > 0
        ? `does not know the column "${unknown.join('", "')}"`
        : `has no column "${missing.join('", "')}"`;
    throw new TaskstreamError('validation_failed', `The CSV header ${problem}; columns are ${COLUMNS.join(', ')}.`);
  }
  return names;
};

const parseRow = ({ info, raw, record }: Row): ImportLine => {
  const found = Object.entries(fields).flatMap(([name, { csv }]) => {
    // An empty cell says nothing.
    const cells = Object.fromEntries((csv?.columns ?? []).map((column) => [column, record[column] || undefined]));
    const value = csv?.read(cells);
    return value === undefined ? [] : [[name, value] as const];
  });
  return judgeLine(info.lines, raw, Object.fromEntries(found));
};
