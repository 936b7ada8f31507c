/** `ops import`: tasks from a file through the HTTP API. */
import { SingleBar } from 'cli-progress';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Fields } from '../../pipeline/field.ts';
import { taskFields } from '../../task/fields.ts';
import { PORTS } from '../../task/resources.ts';
import { barOptions } from '../cli/bar-options.ts';
import { FORMATS, runImport, type Format, type ImportSummary } from './run.ts';

const fields: Fields = taskFields;

/** Exit code when the import ran to its end, but some lines were refused. */
const EXIT_SOME_REFUSED = 2;

interface Flags {
  readonly format?: Format;
  readonly url: string;
  readonly source?: string;
  readonly concurrency: number;
}

const positive = (value: string): number => {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1 || number > 512)
    throw new InvalidArgumentError('use a number from 1 to 512.');
  return number;
};

export const importCommand = (): Command =>
  new Command('import')
    .description('create tasks from a file; a repeated import makes no second task')
    .argument('<file>', 'NDJSON, CSV or todo.txt; - for standard input')
    .addOption(
      new Option('-f, --format <format>', 'default: by the ending .ndjson, .jsonl, .csv or .txt').choices(FORMATS),
    )
    .addOption(new Option('-u, --url <url>', 'the API').env('TASKSTREAM_URL').default(`http://localhost:${PORTS.api}`))
    .option('-s, --source <name>', "name of the source in the lines' keys; default: the file's name")
    .addOption(new Option('-c, --concurrency <n>', 'requests at a time').argParser(positive).default(32))
    .addHelpText(
      'after',
      `
Fields:
  ndjson   ${Object.keys(fields).join(', ')}
  csv      the columns ${Object.values(fields)
    .flatMap(({ csv }) => csv?.columns ?? [])
    .join(', ')}
  todotxt  (A) high, (B) medium, others low; due: and t: become dates; +project and @context tags; x marks done

Exit codes: 0 all lines went in, 2 some were refused (each is reported), 1 the import could not run.

Examples:
  npm run ops -- import todo.txt
  git log --format=%s | jq -R '{description: .}' -c | npm run ops -- import - --format ndjson --source my-repo`,
    )
    .action(async (file: string, flags: Flags) => {
      const summary = await runWithProgress(file, flags);
      console.log(table(summary));
      if (summary.refused > 0) process.exitCode = EXIT_SOME_REFUSED;
    });

const runWithProgress = async (file: string, flags: Flags): Promise<ImportSummary> => {
  const startedAt = performance.now();
  // The number of lines is not known ahead, and standard input has no size: a count is the honest progress.
  const bar = new SingleBar(
    barOptions('importing  {value} lines  {created} new  {present} already there  {refused} refused  {speed}/s'),
  );
  bar.start(0, 0, { created: 0, present: 0, refused: 0, speed: 0 });
  try {
    return await runImport({
      file,
      format: flags.format,
      source: flags.source,
      concurrency: flags.concurrency,
      api: { baseUrl: flags.url, timeoutMs: 30_000, maxAttempts: 8 },
      onLine: ({ lines, created, present, refused }) => {
        const speed = Math.round((lines * 1_000) / (performance.now() - startedAt));
        bar.update(lines, { created, present, refused, speed });
      },
      onFault: (line, fault) => {
        process.stderr.write(`\nline ${line}: ${fault}\n`);
      },
    });
  } finally {
    bar.stop();
  }
};

const table = ({ lines, created, present, refused }: ImportSummary): string =>
  [
    ['lines', lines],
    ['created', created],
    ['already there', present],
    ['refused', refused],
  ]
    .map(([name, count]) => `${String(name).padEnd(14)}${String(count).padStart(10)}`)
    .join('\n');
