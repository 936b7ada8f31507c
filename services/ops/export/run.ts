/** An export run: pages of tasks from the HTTP API, as lines that an import reads. */
import { Readable } from 'node:stream';
import { z } from 'zod';
import { TaskstreamError } from '../../platform/errors.ts';
import { reasonsIn, request, type ApiOptions } from '../../task/api.ts';
import {
  csvWriter,
  exportedSchema,
  isWhole,
  ndjsonWriter,
  todoTxtWriter,
  type ExportedTask,
  type Writer,
} from '../../task/export/writers.ts';
import { dayReader } from '../../task/import/dates.ts';
import type { ImportLine } from '../../task/import/lines.ts';
import type { Output } from '../cli/output.ts';
import type { Format } from '../import/formats.ts';
import { readers } from '../import/run.ts';

const writers = { ndjson: ndjsonWriter, csv: csvWriter, todotxt: todoTxtWriter } satisfies Record<Format, Writer>;

export interface ExportOptions {
  readonly format: Format;
  /** IANA name: where a day begins, in formats that have days only. */
  readonly timezone: string;
  /** Conditions of a search; all tasks when not given. */
  readonly where: Readonly<Record<string, unknown>> | undefined;
  readonly api: ApiOptions;
  readonly output: Output;
  readonly signal: AbortSignal;
  /** Called after each page with what was written so far. */
  readonly onPage: (summary: Readonly<ExportSummary>) => void;
}

export interface ExportSummary {
  tasks: number;
  /** Of these, the ones that the format cannot hold whole. */
  partial: number;
  /** False when the reader of the output went away, or a signal came. */
  isComplete: boolean;
}

/** The API's most. */
const PAGE_SIZE = 100;

/**
 * Writes each task that is there from the beginning to the end of the run once, newest first; memory does not grow with
 * their number. Each line is read again as an import would read it, to tell whether it holds the whole task.
 * @throws TaskstreamError when the API refuses the conditions or stays down
 */
export const runExport = async (options: ExportOptions): Promise<ExportSummary> => {
  const { format, timezone, output, signal, onPage } = options;
  const writer: Writer = writers[format];
  const head = writer.head === undefined ? '' : `${writer.head}\n`;
  const days = dayReader(timezone);
  const summary: ExportSummary = { tasks: 0, partial: 0, isComplete: false };
  /** Written with the first page: of conditions that the API refuses there must be no output. */
  let begin = head;
  for await (const tasks of pages(options)) {
    const text = tasks.map((task) => `${writer.lineOf(task, timezone)}\n`).join('');
    if (signal.aborted || !(await output.write(begin + text))) return summary;
    begin = '';
    const written = Readable.from([head + text]);
    const readBack = (await Readable.from(readers[format](written, { days })).toArray()) as ImportLine[];
    summary.tasks += tasks.length;
    summary.partial += tasks.filter((task, index) => {
      const line = readBack[index];
      return line === undefined || !isWhole(task, line);
    }).length;
    onPage(summary);
  }
  summary.isComplete = true;
  return summary;
};

const pageSchema = z.object({ tasks: z.array(exportedSchema), nextCursor: z.string().nullable() });

async function* pages({ where, api }: ExportOptions): AsyncGenerator<readonly ExportedTask[]> {
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page = pageSchema.parse(await (await ask(where, cursor, api)).json());
    yield page.tasks;
    cursor = page.nextCursor;
  }
}

/** The list comes from PostgreSQL and has every acknowledged change, a search from the index. */
const ask = async (where: ExportOptions['where'], cursor: string | undefined, api: ApiOptions): Promise<Response> => {
  if (where !== undefined) {
    const search = { ...where, size: PAGE_SIZE, ...(cursor && { cursor }) };
    const response = await request('POST', '/tasks/search', api, search, {}, [400]);
    if (response.ok) return response;
    const reason = reasonsIn(await response.text(), response.status);
    // The first page has nothing else that the API could refuse.
    throw new TaskstreamError('validation_failed', cursor === undefined ? `--where: ${reason}` : reason);
  }
  const query = new URLSearchParams({ limit: String(PAGE_SIZE), ...(cursor && { cursor }) });
  return request('GET', `/tasks?${query.toString()}`, api, undefined, {});
};
