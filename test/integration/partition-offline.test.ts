import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { createKafkaWatch } from '../../services/api/console/kafka-watch.ts';
import { createRecordFinder } from '../../services/api/console/record-finder.ts';
import { readEnv } from '../../services/platform/env.ts';
import { kafkaEnv } from '../../services/platform/kafka/settings.ts';
import { createLogger } from '../../services/platform/logger.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startOwnKafka, type OwnKafka } from '../support/embedded-kafka.ts';
import { createTestTopics, type TestTopics } from '../support/kafka.ts';
import { runOps } from '../support/ops.ts';
import { createTask } from '../support/pipeline.ts';
import { killProcess, startService, type ServiceProcess } from '../support/process.ts';
import { createTestIndex, type TestIndex } from '../support/search-index.ts';
import { taskIn } from '../support/task.ts';
import { waitFor } from '../support/wait.ts';

const PARTITIONS = 12;
const TIMEOUT_MS = 300_000;

let first: OwnKafka;
let second: OwnKafka;
let database: TestDatabase;
let topics: TestTopics;
let index: TestIndex;
let env: Readonly<Record<string, string>>;
let api: ServiceProcess;
let indexer: ServiceProcess;

// Two brokers, and one copy of each partition: of the tasks' partitions each has some, of the groups the first has all.
beforeAll(async () => {
  first = await startOwnKafka();
  const alone = await createTestTopics(first.brokers, { partitions: 1 });
  await alone.committed('group-of-nobody');
  await alone.close();
  second = await startOwnKafka(first);
  [database, topics, index] = await Promise.all([
    createTestDatabase(inject('databaseUrl')),
    createTestTopics(first.brokers, { partitions: PARTITIONS }),
    createTestIndex(inject('elasticsearchUrl')),
  ]);
  env = {
    DATABASE_URL: database.url,
    KAFKA_BROKERS: first.brokers,
    ELASTICSEARCH_URL: inject('elasticsearchUrl'),
    TASKS_TOPIC: topics.tasks,
    DEAD_LETTER_TOPIC: topics.deadLetters,
    TASK_INDEX: index.alias,
    CONSUMER_GROUP: `group-${topics.tasks}`,
    LAG_INTERVAL_MS: '500',
    LOG_LEVEL: 'warn',
  };
  [api, indexer] = await Promise.all([startService('api', env), startService('indexer', env)]);
  await Promise.all([api.ready(), indexer.ready()]);
}, TIMEOUT_MS);
afterAll(async () => {
  await Promise.all([api, indexer].map(killProcess));
  await Promise.all([database.close(), topics.close(), index.close()]);
  await Promise.all([first.close(), second.close()]);
});

const create = (count: number, text: string) =>
  Promise.all(Array.from({ length: count }, (_, n) => createTask(api, `${text} ${n}`)));
const equal = () =>
  waitFor(
    'both stores to be equal',
    async () => {
      const [rows, documents] = [await database.versions(), await index.versions()];
      return rows.size === documents.size && [...rows].every(([id, version]) => documents.get(id) === version);
    },
    { timeoutMs: 120_000 },
  );
interface Lag {
  readonly partitions: readonly { readonly partition: number; readonly lag: number | null }[];
  readonly total: { readonly lag: number; readonly unknown: number };
}
const lag = async (...args: string[]) => {
  const { code, stdout, stderr } = await runOps(['lag', '--interval', '0.1', '--json', ...args], env);
  if (stdout === '') throw new Error(stderr);
  return { code, ...(JSON.parse(stdout) as Lag) };
};
/** The event of a new task, as the console finds it in the topic. */
const record = async (id: string) => {
  const options = {
    config: readEnv(kafkaEnv, env),
    task: taskIn(env),
    timeoutMs: 5_000,
    logger: createLogger({ service: 'test', level: 'silent' }),
  };
  const watch = createKafkaWatch(options);
  const finder = createRecordFinder({ ...options, watch });
  try {
    return await finder.find(id, 1, 0, AbortSignal.timeout(20_000));
  } finally {
    await Promise.all([finder.close(), watch.close()]);
  }
};
/** Partitions whose lag the indexer's metrics name. */
const measured = async (): Promise<number> => {
  const text = await (await fetch(`${indexer.healthUrl}/metrics`)).text();
  return text.split('\n').filter((line) => line.startsWith('taskstream_indexer_lag_events{')).length;
};

it(
  'partitions whose broker is lost hold back their own tasks alone: nothing else waits, is repeated, or has an unknown lag',
  async () => {
    await create(60, 'before');
    await equal();
    expect(await lag('--max', '0')).toMatchObject({ code: 0, total: { lag: 0, unknown: 0 } });
    const old = await index.versions();

    await second.kill();
    await create(240, 'during');
    // A relay that stops at the first failure, or that starves what is behind it, leaves others waiting.
    let before = -1;
    await waitFor(
      'the others to be published',
      async () => {
        const now = await database.waiting();
        const isStill = now === before;
        before = now;
        return isStill && now < 240;
      },
      { timeoutMs: 120_000, intervalMs: 8_000 },
    );
    const left = await database.waiting();
    expect(left).toBeGreaterThan(0);
    await waitFor('the others to be found', async () => (await index.versions()).size === 300 - left);
    const [id = ''] = [...(await index.versions()).keys()].filter((found) => !old.has(found));
    expect(await record(id)).toMatchObject({ offset: expect.any(Number) as number });

    const report = await lag('--max', '0');
    const unknown = report.partitions.filter((each) => each.lag === null).length;
    expect(unknown).toBeGreaterThan(0);
    expect(unknown).toBeLessThan(PARTITIONS);
    expect(report).toMatchObject({ code: 2, total: { lag: 0, unknown } });
    await waitFor('the figures of the lost partitions to end', async () => (await measured()) === PARTITIONS - unknown);
    expect((await fetch(`${indexer.healthUrl}/livez`)).status).toBe(200);
    expect((await fetch(`${api.healthUrl}/livez`)).status).toBe(200);

    await second.start();
    await equal();
    expect(await database.waiting()).toBe(0);
    // Nothing was sent twice: what was confirmed is deleted, whatever became of its neighbours.
    expect(await topics.end()).toBe(300);
    expect(await lag('--max', '0')).toMatchObject({ code: 0, total: { lag: 0, unknown: 0 } });
  },
  TIMEOUT_MS,
);
