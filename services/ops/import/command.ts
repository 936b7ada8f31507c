/** `ops import`: tasks from a file through the HTTP API. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { taskFields } from '../../task/fields.ts';
import { HERE } from '../../task/import/dates.ts';
import { CSV_COLUMNS, MAP_COLUMNS, plain } from '../../task/import/columns.ts';
import { checkColumns } from '../../task/import/csv.ts';
import type { ReadOptions } from '../../task/import/lines.ts';
import { meaningOf, wordOf } from '../../task/import/words.ts';
import { messageOf } from '../../platform/errors.ts';
import { API_HELP, withApiOptions } from '../cli/api-options.ts';
import { wholeNumber, wholeNumberFrom } from '../cli/arguments.ts';
import { helpText } from '../cli/help.ts';
import { FORMATS } from './formats.ts';
import { lazily } from '../cli/lazily.ts';

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
  const meanings = Object.fromEntries(pairs.map(([word = '', meaning = '']) => [wordOf(word), meaning]));
  return { ...before, [column]: { ...before[column], ...meanings } };
};

const MEANINGS = { priority: 'high, medium, low or none', isDone: 'yes or no' };

export const importCommand = (): Command =>
  withApiOptions(new Command('import'))
    .argument('<file>', 'NDJSON, CSV or todo.txt; - for standard input, with --source')
    .addOption(
      new Option('-f, --format <format>', 'default: by the ending .ndjson, .jsonl, .json, .csv, .tsv or .txt').choices(
        FORMATS,
      ),
    )
    .option('-s, --source <name>', "name of the source in the lines' keys; default: the file's path")
    .option('--encoding <name>', 'default: UTF-8 or UTF-16, by its first bytes')
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
    .addOption(new Option('-c, --concurrency <n>', 'requests at a time').argParser(wholeNumberFrom(1, 512)).default(32))
    .addHelpText(
      'after',
      helpText({
        notes: `
Fields:
  ndjson   ${Object.keys(taskFields).join(', ')}; a task as the API shows it; a line of events replay
  csv      the columns ${CSV_COLUMNS.join(', ')}
           and by --map "key", the id that another tool gives: later exports of it change its task
  todotxt  (A) high, (B) medium, others low; due: and t: become dates; +project and @context tags; x marks done
${API_HELP}

Files of other tools are refused with the command that reads them (docs/import.md).`,
        exits: { 0: 'all lines went in', 2: 'some were refused: each is reported' },
        examples: [
          'npm run ops -- import todo.txt',
          'npm run ops -- import list.csv --map title=description --map notes= --date-format d/M/yyyy',
          'npm run ops -- import board.json --at cards --map name=description --ignore-unknown',
          'npm run ops -- import old.csv --encoding windows-1252 --timezone Europe/Berlin',
          "git log --format=%s | jq -R '{description: .}' -c | npm run ops -- import - --format ndjson --source my-repo",
          'export TASKSTREAM_ISSUER=https://id.example.com TASKSTREAM_CLIENT_ID=importer TASKSTREAM_CLIENT_SECRET_FILE=secret.txt',
          'npm run ops -- import todo.txt --url https://tasks.example.com',
        ],
      }),
    )
    .action(lazily(async () => (await import('./act.ts')).importFile));
