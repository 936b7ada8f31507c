/** What `ops verify` does. */
import { appendFileSync, writeFileSync } from 'node:fs';
import { SingleBar } from 'cli-progress';
import { createElasticsearch } from '../../platform/elasticsearch.ts';
import { createTopicReader } from '../../platform/kafka/reader.ts';
import type { KafkaConfig } from '../../platform/kafka/settings.ts';
import { createLogger, type Logger } from '../../platform/logger.ts';
import { createPool } from '../../platform/postgres.ts';
import { barOptions } from '../cli/bar-options.ts';
import { checkBrokers } from '../cli/brokers.ts';
import { explainOutage } from '../cli/outage.ts';
import type { PlacedEntity } from '../../pipeline/entity.ts';
import { placeTask } from '../../task/env.ts';
import { readVerifyConfig } from '../env.ts';
import { openOffsets } from '../../pipeline/verify/offsets.ts';
import { lastRunComparedContent, recordRun } from '../../pipeline/verify/runs.ts';
import { newestVersions } from '../../pipeline/verify/topic-versions.ts';
import { exitCodeOf, jsonOf, recordOf, tableOf, type Report } from './report.ts';
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
  } catch (error) {
    throw explainOutage(error);
  } finally {
    bar.stop();
    await Promise.all([pool.end(), client.close(), topic?.close()]);
  }
};

const openTopic = async (kafka: KafkaConfig, entity: PlacedEntity, logger: Logger): Promise<Topic> => {
  const { topic, group } = entity;
  await checkBrokers(kafka);
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

export const verifyAll = async (flags: Flags) => {
  const report = await run(flags);
  process.stdout.write(`${flags.json ? jsonOf(report) : tableOf(report)}\n`);
  process.exitCode = exitCodeOf(report.result);
};
