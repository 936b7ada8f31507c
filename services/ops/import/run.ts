/** An import run: lines in, tasks out, many at a time, each line with its fate. */
import { createReadStream, statSync } from 'node:fs';
import { basename, extname } from 'node:path';
import pMap, { pMapSkip } from 'p-map';
import { messageOf, TaskstreamError } from '../../platform/errors.ts';
import { createTask, type ApiOptions } from '../../task/import/create-task.ts';
import { readCsv } from '../../task/import/csv.ts';
import { createKeyMaker } from './key.ts';
import type { ImportLine, Reader } from '../../task/import/lines.ts';
import { readNdjson } from '../../task/import/ndjson.ts';
import { readTodoTxt } from '../../task/import/todotxt.ts';

export const FORMATS = ['ndjson', 'csv', 'todotxt'] as const;
export type Format = (typeof FORMATS)[number];

const readers = { ndjson: readNdjson, csv: readCsv, todotxt: readTodoTxt } satisfies Record<Format, Reader>;

const FORMAT_OF_EXTENSION: Readonly<Record<string, Format>> = {
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.csv': 'csv',
  '.txt': 'todotxt',
};

export interface ImportOptions {
  /** Path, or `-` for standard input. */
  readonly file: string;
  readonly format: Format | undefined;
  /** Name of the source in the idempotency keys; the file's name when not given. */
  readonly source: string | undefined;
  readonly concurrency: number;
  readonly api: ApiOptions;
  /** Told after each line. */
  readonly onLine: (summary: Readonly<ImportSummary>) => void;
  /** Told about each line that did not go in. */
  readonly onFault: (line: number, fault: string) => void;
}

export interface ImportSummary {
  lines: number;
  created: number;
  present: number;
  refused: number;
}

/**
 * Imports a file.
 * @throws TaskstreamError when the file cannot be read, its format is not known, or the API stays down; what went in
 * until then is skipped by the next run, as every line has its key.
 */
export const runImport = async (options: ImportOptions): Promise<ImportSummary> => {
  const { file, concurrency, api, onLine, onFault } = options;
  const format = options.format ?? FORMAT_OF_EXTENSION[extname(file).toLowerCase()];
  if (format === undefined) {
    throw new TaskstreamError('validation_failed', `Say what format ${file} has: --format ${FORMATS.join('|')}.`);
  }
  const input = file === '-' ? process.stdin : createReadStream(checkReadable(file));
  const keyOf = createKeyMaker(options.source ?? (file === '-' ? 'stdin' : basename(file)));
  const summary: ImportSummary = { lines: 0, created: 0, present: 0, refused: 0 };

  const importLine = async (entry: ImportLine): Promise<typeof pMapSkip> => {
    try {
      if ('fault' in entry) throw new TaskstreamError('validation_failed', entry.fault);
      summary[await createTask(entry.task, keyOf(entry.raw), api)] += 1;
    } catch (error) {
      // Without the API no line can go in: stop, and say so once.
      if (error instanceof TaskstreamError && error.retriable) throw error;
      summary.refused += 1;
      onFault(entry.line, messageOf(error));
    }
    summary.lines += 1;
    onLine(summary);
    return pMapSkip;
  };
  await pMap(readers[format](input), importLine, { concurrency });
  return summary;
};

const checkReadable = (file: string): string => {
  try {
    if (!statSync(file).isFile()) throw new Error('it is not a file');
    return file;
  } catch (error) {
    throw new TaskstreamError('validation_failed', `Cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
};
