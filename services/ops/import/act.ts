/** What `ops import` does. */
import { SingleBar } from 'cli-progress';
import { z } from 'zod';
import { dayReader } from '../../task/import/dates.ts';
import type { ReadOptions } from '../../task/import/lines.ts';
import { checkEncoding } from '../../task/import/text-lines.ts';
import { messageOf, TaskstreamError } from '../../platform/errors.ts';
import { lineOf } from '../../platform/printable.ts';
import type { ApiFlags } from '../cli/api-options.ts';
import { apiOptionsOf } from '../cli/api-client.ts';
import { barOptions } from '../cli/bar-options.ts';
import { commandLine } from '../cli/shell.ts';
import { tableText } from '../cli/table.ts';
import type { Format } from './formats.ts';
import { runImport, type ImportSummary } from './run.ts';
import { questionOf } from './unknown-words.ts';

/** Exit code when the import ran to its end, but some lines were refused. */
const EXIT_SOME_REFUSED = 2;

interface Flags extends ApiFlags {
  readonly format?: Format;
  readonly source?: string;
  readonly concurrency: number;
  readonly encoding?: string;
  readonly delimiter?: string;
  readonly skip?: number;
  readonly columns?: readonly string[];
  readonly map?: Readonly<Record<string, string>>;
  readonly ignoreUnknown?: true;
  readonly only?: ReadOptions['only'];
  readonly values?: ReadOptions['values'];
  readonly at?: string;
  readonly dateFormat?: string;
  readonly timezone: string;
}

const readOptions = ({ encoding, dateFormat, timezone, ...flags }: Flags): ReadOptions => ({
  ...pick(flags),
  encoding: encoding === undefined ? undefined : checkEncoding(encoding),
  days: dayReader(timezone, dateFormat),
});

const pick = ({ delimiter, skip, columns, map, ignoreUnknown, only, values, at }: Partial<Flags>) => ({
  ...{ delimiter, skip, columns, map, ignoreUnknown, only, values, at },
});

const runWithProgress = async (file: string, flags: Flags): Promise<ImportSummary> => {
  const startedAt = performance.now();
  // The number of lines is not known ahead, and standard input has no size: a count is the honest progress.
  const bar = new SingleBar(
    barOptions(
      'importing  {value} lines  {created} new  {updated} changed  {present} already there  {refused} refused  {speed}/s',
    ),
  );
  bar.start(0, 0, { created: 0, updated: 0, present: 0, refused: 0, speed: 0 });
  try {
    return await runImport({
      file,
      format: flags.format,
      source: flags.source,
      read: readOptions(flags),
      concurrency: flags.concurrency,
      api: apiOptionsOf(flags),
      onLine: ({ lines, created, updated, present, refused }) => {
        const speed = Math.round((lines * 1_000) / (performance.now() - startedAt));
        bar.update(lines, { created, updated, present, refused, speed });
      },
      onFault: (line, fault, what) => {
        process.stderr.write(`\n${what} ${line}: ${lineOf(fault)}\n`);
      },
    });
  } finally {
    bar.stop();
  }
};

/** Without the access token, which would end up in logs. */
const argumentsToShow = (args: readonly string[]): readonly string[] =>
  args.filter((arg, at) => arg !== '--token' && args[at - 1] !== '--token' && !arg.startsWith('--token='));

/** The command that would read the file, as it can be pasted. */
const withCommand = (error: unknown): unknown => {
  const options = z
    .array(z.string())
    .min(1)
    .safeParse(error instanceof TaskstreamError ? error.extensions['suggestedOptions'] : undefined);
  if (!options.success) return error;
  // No argument of any command can hold one.
  if (options.data.some((option) => option.includes('\0'))) {
    return new Error(`${messageOf(error)}\nA name in it has a NUL character: take that out of the file first.`, {
      cause: error,
    });
  }
  return new Error(`${messageOf(error)}\n${tryWith(options.data)}`, { cause: error });
};

const tryWith = (options: readonly string[]): string => {
  const given = process.argv.slice(2);
  const shown = argumentsToShow(given);
  const tryIt = shown.length === given.length ? 'Try' : 'Try, with your --token';
  return `${tryIt}:\n\n  ${commandLine([...shown, ...options])}`;
};

export const summaryTable = (summary: ImportSummary, width?: number): string => {
  const { lines, created, updated, present, refused, skipped = {}, leftOut = {} } = summary;
  const rows = Object.entries({ lines, created, updated, 'already there': present, refused });
  return tableText(
    [{}, { align: 'right' }, { wraps: true }],
    [
      ...rows.map(([name, count]) => [name, count, '']),
      ...Object.entries(skipped).map(([what, count]) => ['skipped', count, lineOf(what)]),
      ...Object.entries(leftOut).map(([what, count]) => ['not kept', count, lineOf(what)]),
    ],
    width,
  );
};

export const importFile = async (file: string, flags: Flags) => {
  const summary = await runWithProgress(file, flags).catch((error: unknown) => {
    throw withCommand(error);
  });
  if (summary.unknown !== undefined && summary.unknown.size > 0) {
    const { text, options } = questionOf([...summary.unknown.values()]);
    process.stderr.write(`\n${text}\n${tryWith(options)}\n\n`);
  }
  console.log(summaryTable(summary));
  if (summary.refused > 0) process.exitCode = EXIT_SOME_REFUSED;
};
