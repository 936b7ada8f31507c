/** What `ops reindex` and its commands do. */
import type { Command } from 'commander';
import { createElasticsearch } from '../../platform/elasticsearch.ts';
import { TaskstreamError } from '../../platform/errors.ts';
import { createLogger } from '../../platform/logger.ts';
import { createPool } from '../../platform/postgres.ts';
import { checkBrokers } from '../cli/brokers.ts';
import { explainOutage } from '../cli/outage.ts';
import { placeTask } from '../../task/env.ts';
import { indexOptions, readReindexConfig } from '../env.ts';
import { createProgressBar } from './bar.ts';
import type { ReindexContext } from '../../pipeline/reindex/context.ts';
import { discardIndex, listIndices } from '../../pipeline/reindex/catalog.ts';
import type { Source } from '../../pipeline/reindex/move.ts';
import { reindex, rollback, type ReindexResult } from '../../pipeline/reindex/reindex.ts';
import { describeResult, EXIT_REFUSED, listTable } from './show.ts';

/** Counting and the like may take longer than what a request is given. */
const STATEMENT_TIMEOUT_MS = 600_000;

interface RunFlags {
  readonly maxRate?: number;
  readonly switchDeadline: number;
  readonly json?: boolean;
}

const limitsOf = ({ maxRate, switchDeadline }: RunFlags) => ({ maxRate, switchDeadlineMs: switchDeadline * 1_000 });

const run = (flags: RunFlags, work: (context: ReindexContext) => Promise<ReindexResult>): Promise<void> =>
  withContext(async (context) => {
    await checkBrokers(context.config);
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

export const build = (flags: RunFlags & { readonly source: Source }) =>
  run(flags, (context) => reindex(context, { ...limitsOf(flags), source: flags.source }));

export const goBack = (_flags: unknown, command: Command) => {
  const flags = command.optsWithGlobals<RunFlags>();
  return run(flags, (context) => rollback(context, limitsOf(flags)));
};

export const list = (_flags: unknown, command: Command) =>
  withContext(async (context) => {
    const indices = await listIndices(context);
    const isJson = command.optsWithGlobals<{ json?: boolean }>().json === true;
    process.stdout.write(`${isJson ? JSON.stringify(indices, null, 2) : listTable(indices)}\n`);
  });

export const discard = (index: string, _flags: unknown, command: Command) =>
  withContext(async (context) => {
    await discardIndex(context, index);
    const isJson = command.optsWithGlobals<{ json?: boolean }>().json === true;
    process.stdout.write(isJson ? `${JSON.stringify({ discarded: index })}\n` : `deleted ${index}\n`);
  });
