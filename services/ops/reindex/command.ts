/** `ops reindex`: builds the next search index without a gap, goes back to the one before, lists them, deletes one. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { helpText } from '../cli/help.ts';
import { createElasticsearch } from '../../platform/elasticsearch.ts';
import { messageOf, TaskstreamError } from '../../platform/errors.ts';
import { createLogger } from '../../platform/logger.ts';
import { isDatabaseOutage } from '../../platform/postgres-outage.ts';
import { createPool } from '../../platform/postgres.ts';
import { isWithoutAnswer } from '../../platform/retry.ts';
import { placeTask } from '../../task/env.ts';
import { indexOptions, readReindexConfig } from '../env.ts';
import { createProgressBar } from './bar.ts';
import type { ReindexContext } from '../../pipeline/reindex/context.ts';
import { discardIndex, listIndices } from '../../pipeline/reindex/catalog.ts';
import type { Source } from '../../pipeline/reindex/move.ts';
import { reindex, rollback, type ReindexResult } from '../../pipeline/reindex/reindex.ts';
import { describeResult, listTable } from './show.ts';

/** Exit code when it ran, and found that the new index must not serve. */
const EXIT_REFUSED = 2;
const EXITS = {
  0: 'the alias points to the other index',
  1: 'it could not run, and the message says what to do',
  [EXIT_REFUSED]:
    'that index must not serve, as its mapping rejects documents or the topic lacks some: the alias stays',
};
/** Counting and the like may take longer than what a request is given. */
const STATEMENT_TIMEOUT_MS = 600_000;

interface RunFlags {
  readonly maxRate?: number;
  readonly switchDeadline: number;
  readonly json?: boolean;
}

const wholeNumber = (text: string): number => {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('use a whole number above 0.');
  return number;
};

const withRunOptions = (command: Command): Command =>
  command
    .addOption(new Option('--max-rate <n>', 'documents a second at most').argParser(wholeNumber))
    .addOption(
      new Option('--switch-deadline <seconds>', 'longest time that indexers wait at the switch, before it is put off')
        .argParser(wholeNumber)
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
    .action((flags: RunFlags & { readonly source: Source }) =>
      run(flags, (context) => reindex(context, { ...limitsOf(flags), source: flags.source })),
    )
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
    .action((_flags, command: Command) => {
      const flags = command.optsWithGlobals<RunFlags>();
      return run(flags, (context) => rollback(context, limitsOf(flags)));
    });

const listCommand = (): Command =>
  new Command('list')
    .description('show the indices of the alias: which serves, which takes no writes, how large they are')
    .option('--json', 'print JSON for scripts')
    .addHelpText(
      'after',
      helpText({ exits: { 0: 'shown', 1: 'a server does not answer' }, examples: ['npm run ops -- reindex list'] }),
    )
    .action((_flags, command: Command) =>
      withContext(async (context) => {
        const indices = await listIndices(context);
        const isJson = command.optsWithGlobals<{ json?: boolean }>().json === true;
        process.stdout.write(`${isJson ? JSON.stringify(indices, null, 2) : listTable(indices)}\n`);
      }),
    );

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
    .action((index: string, _flags, command: Command) =>
      withContext(async (context) => {
        await discardIndex(context, index);
        const isJson = command.optsWithGlobals<{ json?: boolean }>().json === true;
        process.stdout.write(isJson ? `${JSON.stringify({ discarded: index })}\n` : `deleted ${index}\n`);
      }),
    );

const limitsOf = ({ maxRate, switchDeadline }: RunFlags) => ({ maxRate, switchDeadlineMs: switchDeadline * 1_000 });

const run = (flags: RunFlags, work: (context: ReindexContext) => Promise<ReindexResult>): Promise<void> =>
  withContext(async (context) => {
    const startedAt = performance.now();
    const result = await work(context);
    const seconds = Number(((performance.now() - startedAt) / 1_000).toFixed(1));
    const text = flags.json
      ? JSON.stringify({ ...result, seconds }, null, 2)
      : describeResult(result, context.entity.alias);
    process.stdout.write(`${text}\n`);
    if (result.outcome !== 'switched') process.exitCode = EXIT_REFUSED;
  });

/** Opens what a run needs, and closes it; the first signal asks it to end, the second ends it. */
const withContext = async (work: (context: ReindexContext) => Promise<void>): Promise<void> => {
  const config = { ...readReindexConfig(process.env), DATABASE_STATEMENT_TIMEOUT_MS: STATEMENT_TIMEOUT_MS };
  const logger = createLogger({ service: 'reindex', level: config.LOG_LEVEL, fd: 2 });
  const client = createElasticsearch(config);
  const pool = createPool(config, 'taskstream-reindex', logger);
  const bar = createProgressBar();
  const interrupted = new AbortController();
  const interrupt = (signal: NodeJS.Signals) => {
    interrupted.abort(
      new TaskstreamError('stopped', `Ended by ${signal}. The old index serves on; the next run starts over.`),
    );
  };
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt).once('SIGHUP', interrupt);
  try {
    await work({
      entity: placeTask(config),
      config,
      index: indexOptions(config),
      client,
      pool,
      logger,
      progress: bar,
      signal: interrupted.signal,
    });
  } catch (error) {
    throw explainOutage(error);
  } finally {
    bar.stop();
    await Promise.all([client.close(), pool.end()]);
  }
};

/** The error itself, or one that names the server: a client library says only that something refused. */
const explainOutage = (error: unknown): unknown => {
  if (error instanceof TaskstreamError) return error;
  if (isWithoutAnswer(error)) {
    return new TaskstreamError(
      'search_unavailable',
      `Elasticsearch does not answer (${messageOf(error)}): see whether it is up, and ELASTICSEARCH_URL.`,
      { cause: error, retriable: true },
    );
  }
  if (!isDatabaseOutage(error)) return error;
  return new TaskstreamError(
    'database_unavailable',
    `PostgreSQL does not answer (${messageOf(error)}): see whether it is up, and DATABASE_URL.`,
    { cause: error, retriable: true },
  );
};
