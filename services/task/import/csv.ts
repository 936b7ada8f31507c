/**
 * CSV (RFC 4180) with a header line: `description`, and optionally `priority`, `start`, `due`, `isDone`.
 * Header names are read without regard to case; other columns are refused, as a typo would drop data in silence.
 */
import { parse, type Info } from 'csv-parse';
import { z } from 'zod';
import { TaskstreamError } from '../../platform/errors.ts';
import { PRIORITIES } from '../events.ts';
import { describeDetails, detailsOf } from '../../platform/validation.ts';
import { datesOf, dayToTimestamp } from './dates.ts';
import type { ImportLine, Reader } from './line.ts';

const COLUMNS = ['description', 'priority', 'start', 'due', 'isDone'] as const;

const schema = z.object({
  description: z.string(),
  priority: z.preprocess((value) => (value === '' ? undefined : value), z.enum(PRIORITIES).optional()),
  start: z.string().optional(),
  due: z.string().optional(),
  isDone: z
    .enum(['', 'true', 'false', 'yes', 'no', '1', '0', 'x'], { error: 'must be true or false' })
    .optional()
    .transform((value) => ['true', 'yes', '1', 'x'].includes(value ?? '')),
});

interface Row {
  readonly info: Info;
  readonly raw: string;
  readonly record: Record<string, string>;
}

/** @throws TaskstreamError when the header has no `description` or has a column that is not known. */
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
  const unknown = names.filter((name) => !(COLUMNS as readonly string[]).includes(name));
  if (unknown.length > 0 || !names.includes('description')) {
    const problem =
      unknown.length > 0 ? `does not know the column "${unknown.join('", "')}"` : 'has no column "description"';
    throw new TaskstreamError('validation_failed', `The CSV header ${problem}; columns are ${COLUMNS.join(', ')}.`);
  }
  return names;
};

const parseRow = ({ info, raw, record }: Row): ImportLine => {
  const line = info.lines;
  const result = schema.safeParse(record);
  if (!result.success) {
    return { line, raw, fault: describeDetails(detailsOf(result.error)) };
  }
  const { description, priority, start, due, isDone } = result.data;
  return {
    line,
    raw,
    task: {
      description,
      isDone,
      ...(priority ? { priority } : {}),
      ...datesOf(dayToTimestamp(start), dayToTimestamp(due)),
    },
  };
};
