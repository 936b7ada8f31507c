/** `ops import`: tasks from a file through the HTTP API. */
import { SingleBar } from 'cli-progress';
import { Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { taskFields } from '../../task/fields.ts';
import { dayReader } from '../../task/import/dates.ts';
import { CSV_COLUMNS, MAP_COLUMNS, plain } from '../../task/import/columns.ts';
import { checkColumns } from '../../task/import/csv.ts';
import type { ReadOptions } from '../../task/import/lines.ts';
import { checkEncoding } from '../../task/import/text-lines.ts';
import { meaningOf, wordOf } from '../../task/import/words.ts';
import { messageOf, TaskstreamError } from '../../platform/errors.ts';
import { lineOf } from '../../platform/printable.ts';
import { API_HELP, apiOptionsOf, withApiOptions, type ApiFlags } from '../cli/api-options.ts';
import { wholeNumber } from '../cli/arguments.ts';
import { barOptions } from '../cli/bar-options.ts';
import { commandLine } from '../cli/shell.ts';
import { FORMATS, runImport, type Format, type ImportSummary } from './run.ts';

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

const delimiterFlag = (value: string): string => {
  const delimiter = value === 'tab' || value === '\\t' ? '\t' : value;
  if (delimiter.length !== 1 || delimiter === '"') throw new InvalidArgumentError('use one character, or "tab".');
  return delimiter;
};

const mapFlag = (value: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> => {
  const [, header, column] = /^(.+)=([^=]*)$/s.exec(value) ?? [];
  if (header === undefined || column === undefined) throw new InvalidArgumentError('use HEADER=COLUMN, or HEADER=.');
  if (column !== '' && !MAP_COLUMNS.some((name) => plain(name) === plain(column))) {
    throw new InvalidArgumentError(`columns are ${MAP_COLUMNS.join(', ')}.`);
  }
  return { ...before, [header]: column };
};

const columnsFlag = (value: string): readonly string[] => {
  try {
    return checkColumns(value);
  } catch (error) {
    throw new InvalidArgumentError(`${messageOf(error)} Columns are ${MAP_COLUMNS.join(', ')}.`);
  }
};

const onlyFlag = (value: string): ReadOptions['only'] => {
  const [, name, words] = /^(.+)=([^=]+)$/s.exec(value) ?? [];
  if (name === undefined || words === undefined)
    throw new InvalidArgumentError('use HEADER=WORD, or HEADER=WORD,WORD.');
  return { name, words: words.split(',').map(wordOf) };
};

type Meanings = NonNullable<ReadOptions['values']>;

/** `priority=1:high,2:low`; meanings are what an import understands by itself. */
const valuesFlag = (value: string, before: Meanings = {}): Meanings => {
  const [, column = '', list = ''] = /^([^=]+)=(.+)$/.exec(value) ?? [];
  const pairs = list.split(',').map((pair) => pair.split(':').map((part) => part.trim()));
  if ((column !== 'priority' && column !== 'isDone') || pairs.some(({ length }) => length !== 2)) {
    throw new InvalidArgumentError('use priority=WORD:MEANING,… or isDone=WORD:MEANING,…');
  }
  const unknown = pairs.flatMap(([, meaning = '']) => (meaningOf(column, meaning) === undefined ? [meaning] : []));
  if (unknown.length > 0) {
    throw new InvalidArgumentError(`${column} cannot be ${unknown.join(', ')}: it is ${MEANINGS[column]}.`);
  }
  return { ...before, [column]: Object.fromEntries(pairs.map(([word = '', meaning = '']) => [wordOf(word), meaning])) };
};

const MEANINGS = { priority: 'high, medium, low or none', isDone: 'yes or no' };

const readOptions = ({ encoding, dateFormat, timezone, ...flags }: Flags): ReadOptions => ({
  ...pick(flags),
  encoding: encoding === undefined ? undefined : checkEncoding(encoding),
  days: dayReader(timezone, dateFormat),
});

const pick = ({ delimiter, skip, columns, map, ignoreUnknown, only, values, at }: Partial<Flags>) => ({
  ...{ delimiter, skip, columns, map, ignoreUnknown, only, values, at },
});

/** The time zone of whoever types the command. */
const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;

const positive = (value: string): number => {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1 || number > 512)
    throw new InvalidArgumentError('use a number from 1 to 512.');
  return number;
};

export const importCommand = (): Command =>
  withApiOptions(new Command('import'))
    .argument('<file>', 'NDJSON, CSV or todo.txt; - for standard input, with --source')
    .addOption(
      new Option('-f, --format <format>', 'default: by the ending .ndjson, .jsonl, .json, .csv, .tsv or .txt').choices(
        FORMATS,
      ),
    )
    .option('-s, --source <name>', "name of the source in the lines' keys; default: the file's path")
    .option('--encoding <name>', 'default: UTF-8, or what a byte order mark says')
    .option('--timezone <name>', 'where a day without a time begins, such as Europe/Berlin', HERE)
    .option('--date-format <format>', "form of the dates in luxon's tokens, such as d/M/yyyy, before the common ones")
    .addOption(new Option('--delimiter <character>', 'of CSV, or "tab"; default: detected').argParser(delimiterFlag))
    .addOption(new Option('--skip <lines>', 'of CSV: lines before the header').argParser(wholeNumber))
    .addOption(new Option('--columns <names>', 'of CSV without a header: its columns in order').argParser(columnsFlag))
    .option('--at <path>', 'of a JSON document: where its tasks are, such as lists.cards')
    .addOption(
      new Option(
        '--map <header=column>',
        'what a header or JSON key means; HEADER= leaves it out; may be repeated',
      ).argParser(mapFlag),
    )
    .option('--ignore-unknown', 'leave out all headers and keys that are not known')
    .addOption(
      new Option('--only <header=word,…>', 'read what has one of these words there; skip the rest').argParser(onlyFlag),
    )
    .addOption(
      new Option('--values <column=word:meaning,…>', 'what words of priority or isDone mean').argParser(valuesFlag),
    )
    .addOption(new Option('-c, --concurrency <n>', 'requests at a time').argParser(positive).default(32))
    .addHelpText(
      'after',
      `
Fields:
  ndjson   ${Object.keys(taskFields).join(', ')}; a task as the API shows it; a line of events replay
  csv      the columns ${CSV_COLUMNS.join(', ')}
           and by --map "key", the id that another tool gives: later exports of it change its task
  todotxt  (A) high, (B) medium, others low; due: and t: become dates; +project and @context tags; x marks done
${API_HELP}

Files of other tools are refused with the command that reads them (docs/import.md).

Exit codes: 0 all lines went in, 2 some were refused (each is reported), 1 the import could not run.

Examples:
  npm run ops -- import todo.txt
  npm run ops -- import list.csv --map title=description --map notes= --date-format d/M/yyyy
  npm run ops -- import board.json --at cards --map name=description --ignore-unknown
  npm run ops -- import old.csv --encoding windows-1252 --timezone Europe/Berlin
  git log --format=%s | jq -R '{description: .}' -c | npm run ops -- import - --format ndjson --source my-repo
  export TASKSTREAM_ISSUER=https://id.example.com TASKSTREAM_CLIENT_ID=importer TASKSTREAM_CLIENT_SECRET_FILE=secret.txt
  npm run ops -- import todo.txt --url https://tasks.example.com`,
    )
    .action(async (file: string, flags: Flags) => {
      const summary = await runWithProgress(file, flags).catch((error: unknown) => {
        throw withCommand(error);
      });
      console.log(table(summary));
      if (summary.refused > 0) process.exitCode = EXIT_SOME_REFUSED;
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
      onFault: (line, fault) => {
        process.stderr.write(`\nline ${line}: ${lineOf(fault)}\n`);
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
  const given = process.argv.slice(2);
  const shown = argumentsToShow(given);
  const command = commandLine([...shown, ...options.data]);
  const tryIt = shown.length === given.length ? 'Try' : 'Try, with your --token';
  return new Error(`${messageOf(error)}\n${tryIt}:\n\n  ${command}`, { cause: error });
};

const table = ({ lines, created, updated, present, refused, skipped }: ImportSummary): string =>
  [
    ['lines', lines],
    ['created', created],
    ['updated', updated],
    ['already there', present],
    ['refused', refused],
    ...Object.entries(skipped ?? {}).map(([what, count]) => ['skipped', count, what]),
  ]
    .map(([name, count, what]) =>
      [
        String(name).padEnd(14),
        String(count).padStart(10),
        what === undefined ? '' : `  ${lineOf(String(what)).slice(0, 50)}`,
      ].join(''),
    )
    .join('\n');
