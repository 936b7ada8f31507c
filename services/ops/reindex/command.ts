/** `ops reindex`: builds the next search index without a gap, goes back to the one before, lists them, deletes one. */
import { Command, Option } from 'commander';
import { wholeNumberFrom } from '../cli/arguments.ts';
import { helpText } from '../cli/help.ts';
import { EXIT_REFUSED } from './show.ts';
import { lazily } from '../cli/lazily.ts';

const EXITS = {
  0: 'the alias points to the other index',
  1: 'it could not run, and the message says what to do',
  [EXIT_REFUSED]:
    'that index must not serve, as its mapping rejects documents or the topic lacks some: the alias stays',
};

const withRunOptions = (command: Command): Command =>
  command
    .addOption(new Option('--max-rate <n>', 'documents a second at most').argParser(wholeNumberFrom(1)))
    .addOption(
      new Option('--switch-deadline <seconds>', 'longest time that indexers wait at the switch, before it is put off')
        .argParser(wholeNumberFrom(1))
        .default(10),
    )
    .option('--json', 'print the result as JSON');

export const reindexCommand = (): Command =>
  withRunOptions(new Command('reindex'))
    .addOption(
      new Option('--source <source>', "what to build it from: PostgreSQL's rows, or the topic from its beginning")
        .choices(['postgres', 'topic'])
        .default('postgres'),
    )
    .addHelpText(
      'after',
      helpText({
        notes: `
One runs at a time. It may be interrupted or killed at any moment: the old index serves on, and the next run starts over.
The old index is kept for rollback until it is discarded.

Reads DATABASE_URL, KAFKA_BROKERS, ELASTICSEARCH_URL, TASK_INDEX, INDEX_SHARDS, INDEX_REPLICAS and their companions
(docs/configuration.md).`,
        exits: EXITS,
        examples: [
          'npm run ops -- reindex',
          'npm run ops -- reindex --source topic --max-rate 2000',
          'npm run ops -- reindex list',
          'npm run ops -- reindex rollback',
          'npm run ops -- reindex discard tasks-000001',
          'kubectl create job --from=cronjob/taskstream-reindex reindex-now',
        ],
      }),
    )
    .action(lazily(async () => (await import('./act.ts')).build))
    .addCommand(rollbackCommand())
    .addCommand(listCommand())
    .addCommand(discardCommand());

const rollbackCommand = (): Command =>
  withRunOptions(new Command('rollback'))
    .description('bring the index that served before up to date, and switch back to it')
    .addHelpText(
      'after',
      helpText({
        notes: `
The old index receives the writes and deletions made meanwhile first, so nothing is missing after it.
A rollback of a rollback goes forward again.`,
        exits: EXITS,
        examples: ['npm run ops -- reindex rollback', 'npm run ops -- reindex rollback --max-rate 2000 --json'],
      }),
    )
    .action(lazily(async () => (await import('./act.ts')).goBack));

const listCommand = (): Command =>
  new Command('list')
    .description('show the indices of the alias: which serves, which takes no writes, how large they are')
    .option('--json', 'print JSON for scripts')
    .addHelpText(
      'after',
      helpText({ exits: { 0: 'shown', 1: 'a server does not answer' }, examples: ['npm run ops -- reindex list'] }),
    )
    .action(lazily(async () => (await import('./act.ts')).list));

const discardCommand = (): Command =>
  new Command('discard')
    .description('delete an index that does not serve; a rollback to it is impossible then')
    .argument('<index>', 'its name, as reindex list shows it')
    .option('--json', 'print JSON for scripts')
    .addHelpText(
      'after',
      helpText({
        exits: { 0: 'deleted', 1: 'it serves, is not there, or a reindex is running' },
        examples: ['npm run ops -- reindex discard tasks-000001'],
      }),
    )
    .action(lazily(async () => (await import('./act.ts')).discard));
