/** `ops export`: tasks as a file that `ops import` reads, here or elsewhere. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { API_HELP, withApiOptions } from '../cli/api-options.ts';
import { helpText } from '../cli/help.ts';
import { FORMATS } from '../import/formats.ts';
import { lazily } from '../cli/lazily.ts';
import { HERE } from '../../task/import/dates.ts';

/** What a search has for its pages, and for what it shows beside the hits: an export is whole, and has its own pages. */
const NO_CONDITIONS = ['from', 'size', 'cursor', 'facets', 'highlight'];

const whereFlag = (value: string): Readonly<Record<string, unknown>> => {
  const where = objectOf(value);
  const others = NO_CONDITIONS.filter((name) => name in where);
  if (others.length > 0) throw new InvalidArgumentError(`it takes conditions; leave out ${others.join(', ')}.`);
  return where;
};

const objectOf = (value: string): Readonly<Record<string, unknown>> => {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(value));
  } catch {
    throw new InvalidArgumentError(`use a JSON object, as '{"isDone": false}'.`);
  }
};

export const exportCommand = (): Command =>
  withApiOptions(new Command('export'))
    .addOption(new Option('-f, --format <format>', 'of the lines').choices(FORMATS).default('ndjson'))
    .addOption(new Option('--where <json>', 'only what such a search finds; default: all').argParser(whereFlag))
    .option('--timezone <name>', 'of todo.txt: where a day begins, such as Europe/Berlin', HERE)
    .addHelpText(
      'after',
      helpText({
        notes: `
Newest first. Without --where the tasks come from the database, with every acknowledged change; with it from the index.
Each line has its task's id: an import of the file here changes these tasks, and elsewhere it creates them.
NDJSON and CSV hold whole tasks. todo.txt has days without a time, no line breaks, and words as tags; the last line on
standard error says how many tasks it could not hold whole: an import of that file would change them.
${API_HELP}`,
        exits: { 0: 'done, or the reader of the pipe had enough', 1: 'it could not run, or not to its end' },
        examples: [
          'npm run --silent ops -- export > tasks.ndjson',
          `npm run --silent ops -- export --format csv --where '{"isDone": false, "tags": ["home"]}' > open.csv`,
          'npm run --silent ops -- export --format todotxt > todo.txt',
          'npm run --silent ops -- export | npm run ops -- import - --format ndjson --source copy --url http://elsewhere:9234',
        ],
      }),
    )
    .action(lazily(async () => (await import('./act.ts')).exportAll));
