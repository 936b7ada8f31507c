/** `ops verify`: whether PostgreSQL and the index hold the same tasks in the same versions; repairs what differs. */
import { appendFileSync, writeFileSync } from 'node:fs';
import { SingleBar } from 'cli-progress';
import { Command, InvalidArgumentError, Option } from 'commander';
import { createElasticsearch } from '../../platform/elasticsearch.ts';
import { createTopicReader } from '../../platform/kafka/reader.ts';
import type { KafkaConfig } from '../../platform/kafka/settings.ts';
import { createLogger, type Logger } from '../../platform/logger.ts';
import { createPool } from '../../platform/postgres.ts';
import { barOptions } from '../cli/bar-options.ts';
import { helpText } from '../cli/help.ts';
import type { PlacedEntity } from '../../pipeline/entity.ts';
import { placeTask } from '../../task/env.ts';
import { readVerifyConfig } from '../env.ts';
import { openOffsets } from '../../pipeline/verify/offsets.ts';
import { lastRunComparedContent, recordRun } from '../../pipeline/verify/runs.ts';
import { newestVersions } from '../../pipeline/verify/topic-versions.ts';
import { EXIT, exitCodeOf, jsonOf, recordOf, tableOf, type Report } from './report.ts';
import { verify, type Difference, type Progress, type Topic } from '../../pipeline/verify/verify.ts';

interface Flags {
  readonly repair?: boolean;
  readonly content?: 'always' | 'alternate';
  readonly grace: number;
  readonly maxRate?: number;
  readonly show: number;
  readonly details?: string;
  readonly json?: boolean;
}

const numberFrom = (min: number, max: number) => (text: string) => {
  const number = Number(text);
  if (text.trim() === '' || !Number.isFinite(number) || number < min || number > max) {
    throw new InvalidArgumentError(`use a number from ${min} to ${max}.`);
  }
  return number;
};

export const verifyCommand = (): Command =>
  new Command('verify')
    .option('--repair', 'repair the drift: by versioned writes to the index, or through the pipeline')
    .addOption(
      new Option('--content [when]', 'compare what they say too; alternate: unless the last run did')
        .choices(['always', 'alternate'])
        .preset('always'),
    )
    .addOption(
      new Option('--grace <seconds>', 'how long a difference may wait for the pipeline')
        .argParser(numberFrom(0, 3_600))
        .default(30),
    )
    .addOption(
      new Option('--max-rate <tasks/s>', 'compare no faster; default: no limit').argParser(numberFrom(1, 10_000_000)),
    )
    .addOption(new Option('--show <n>', 'differences to list').argParser(numberFrom(0, 10_000)).default(20))
    .option('--details <file>', 'write all differences to a file, as JSON lines')
    .option('--json', 'print JSON for scripts')
    .addHelpText(
      'after',
      helpText({
        notes: `
What differs is read again: it is drift when it still differs after everything that was in the outbox and in the
topic has been indexed. Without KAFKA_BROKERS verify cannot know that, and --grace decides. Writes may go on.

  missing  a row without a document,          repair: the document or marker is written
           or a deletion without its marker
  stale    a document older than its row      repair: the document is written
  ahead    a document newer than its row      repair: the row's version is raised, and an event published
  surplus  a document without a row           repair: its deletion is published
  content  with --content: it says something  repair: the row's version is raised, and an event published
           else than the row of its version
The kinds ahead and surplus are found after PostgreSQL was restored from a backup. Their repairs need the relay and an indexer.

Deletions are final for DELETION_RETENTION_DAYS: until then the index keeps a marker of each, which searches do not show.
Every run first purges the older ones.

Each run is recorded; the API exports the last one as metrics (taskstream_verify_…).

Reads DATABASE_URL, ELASTICSEARCH_URL, KAFKA_BROKERS and their companions (docs/configuration.md).`,
        exits: {
          [EXIT.equal]: 'equal, or all of it repaired',
          [EXIT.drift]: 'drift (with --repair: what could not be repaired), or an alias that shows deletions',
          [EXIT.undecided]: 'undecided: the pipeline is behind',
        },
        examples: [
          'npm run ops -- verify',
          'npm run ops -- verify --content',
          'npm run ops -- verify --repair --details drift.ndjson',
          'npm run --silent ops -- verify --json --max-rate 20000 | jq .drift',
        ],
      }),
    )
    .action(async (flags: Flags) => {
      const report = await run(flags);
      process.stdout.write(`${flags.json ? jsonOf(report) : tableOf(report)}\n`);
      process.exitCode = exitCodeOf(report.result);
    });

const run = async ({ repair = false, content, grace, maxRate, show, details }: Flags): Promise<Report> => {
  const config = readVerifyConfig(process.env);
  const entity = placeTask(config);
  const logger = createLogger({ service: 'verify', level: config.LOG_LEVEL, fd: 2 });
  const pool = createPool(config, 'taskstream-verify', logger);
  const client = createElasticsearch(config);
  const topic = config.kafka === undefined ? undefined : await openTopic(config.kafka, entity, logger);
  const bar = progressBar();
  const differences: Difference[] = [];
  if (details !== undefined) writeFileSync(details, '');
  try {
    const result = await verify({
      pool,
      client,
      entity,
      topic,
      graceMs: grace * 1_000,
      repair,
      content: content === 'always' || (content === 'alternate' && !(await lastRunComparedContent(pool, entity))),
      deletionDays: config.DELETION_RETENTION_DAYS,
      maxRate,
      onProgress: bar.show,
      onRetry: (reason) => {
        process.stderr.write(`\n${reason}: trying again\n`);
      },
      onDifference: (difference) => {
        if (differences.length < show) differences.push(difference);
        if (details !== undefined) appendFileSync(details, `${JSON.stringify(recordOf(difference))}\n`);
      },
    });
    await recordRun(pool, entity, result);
    return { result, differences };
  } finally {
    bar.stop();
    await Promise.all([pool.end(), client.close(), topic?.close()]);
  }
};

const openTopic = async (kafka: KafkaConfig, entity: PlacedEntity, logger: Logger): Promise<Topic> => {
  const { topic, group } = entity;
  const offsets = await openOffsets(kafka, entity);
  return {
    ...offsets,
    newestVersions: async (ids) => {
      const { signal } = new AbortController();
      // The group is only named, as this user may use it: nothing is joined, and nothing is committed.
      const reader = await createTopicReader(kafka, { clientId: 'taskstream-verify', group, logger, signal });
      try {
        return await newestVersions(reader, topic, ids, signal);
      } finally {
        await reader.close();
      }
    },
  };
};

const progressBar = (): { show: (progress: Progress) => void; stop: () => void } => {
  const startedAt = performance.now();
  const bar = new SingleBar(
    barOptions(
      '{step}  {bar} {percentage}%  {value}/{total}  {speed}/s  {eta_formatted} left  {candidates} candidates',
    ),
  );
  let started = false;
  return {
    show: ({ step, compared, total, candidates }) => {
      const speed = Math.round((compared * 1_000) / (performance.now() - startedAt));
      if (!started) bar.start(total, compared, { step, candidates, speed });
      started = true;
      // Rows that have no document count too: the end may lie beyond what was expected.
      if (compared > bar.getTotal()) bar.setTotal(compared);
      bar.update(compared, { step, candidates, speed });
    },
    stop: () => {
      bar.stop();
    },
  };
};
