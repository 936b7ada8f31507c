/** What docs/storage.md says of a lost volume: the database's is in verify-restored.test.ts. */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { startOwnKafka, type OwnKafka } from '../support/embedded-kafka.ts';
import { createTestTopics } from '../support/kafka.ts';
import { runOps } from '../support/ops.ts';
import { call, createPipeline, createTask, search, type Pipeline } from '../support/pipeline.ts';
import { killProcess, startService, stopProcess, type ServiceProcess } from '../support/process.ts';
import { updateOf } from '../support/sample.ts';
import { createTestIndex } from '../support/search-index.ts';
import { waitFor } from '../support/wait.ts';

const TIMEOUT_MS = 420_000;
const EACH = 8;
/**
 * Of each task that is read: a partition that had one of them has a committed offset beyond what the new topic may hold, though all that is
 * written later fell into its successor. An offset within it would be gone on from, which only `verify` can tell.
 */
const CHANGES = EACH;

const createMany = (api: ServiceProcess, text: string) =>
  Promise.all(Array.from({ length: EACH }, (_, n) => createTask(api, `${text} ${n}`)));

/** @throws what the command said when it did not succeed */
const mustOps = async (args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> => {
  const { code, stdout, stderr } = await runOps(args, env);
  if (code !== 0) throw new Error(`ops ${args.join(' ')} ended with ${code}: ${stderr}${stdout}`);
  return stdout;
};

describe('the index is lost, its alias included', () => {
  let pipeline: Pipeline;
  let api: ServiceProcess;
  beforeAll(async () => {
    pipeline = await createPipeline();
    [api] = await Promise.all([pipeline.startApi(), pipeline.startIndexer()]);
  });
  afterAll(() => pipeline.close());

  const lose = async (): Promise<void> => {
    const { client, alias } = pipeline.index;
    const indices = await client.indices.get({ index: `${alias}-*` });
    await client.indices.delete({ index: Object.keys(indices) });
  };

  it.each([['reindex'], ['verify', '--repair', '--grace', '5']])(
    'writes go on meanwhile, migrate makes an empty one, and %s fills it: rows, changes of the meantime, deletions',
    async (...command) => {
      const [kept, deleted] = await Promise.all([createMany(api, 'kept'), createMany(api, 'deleted')]);
      await pipeline.converged();
      await lose();
      await createMany(api, `written without an index, ${command[0]}`);
      for (const { id } of kept) {
        expect((await call(api, 'PUT', `/tasks/${id}`, updateOf('changed'))).status).toBe(200);
      }
      for (const { id } of deleted) expect((await call(api, 'DELETE', `/tasks/${id}`)).status).toBe(204);
      await pipeline.database.outboxEmpty();

      const names = { ...pipeline.env, INDEX_REPLICAS: '0' };
      await mustOps(['migrate'], names);
      await mustOps(command, names);
      await pipeline.converged();
      expect((await search(api, `written without an index, ${command[0]}`)).total).toBeGreaterThanOrEqual(EACH);
      // Contents, and the markers that keep deletions final.
      await mustOps(['verify', '--content', '--grace', '5'], names);
    },
    TIMEOUT_MS,
  );
});

describe("the brokers' only volume, or the topic, is lost", () => {
  let kafka: OwnKafka;
  beforeAll(async () => {
    kafka = await startOwnKafka();
  }, TIMEOUT_MS);
  afterAll(() => kafka.close());

  const open = async () => {
    const [database, topics, index] = await Promise.all([
      createTestDatabase(inject('databaseUrl')),
      createTestTopics(kafka.brokers),
      createTestIndex(inject('elasticsearchUrl')),
    ]);
    const env = {
      DATABASE_URL: database.url,
      KAFKA_BROKERS: kafka.brokers,
      ELASTICSEARCH_URL: inject('elasticsearchUrl'),
      TASKS_TOPIC: topics.tasks,
      DEAD_LETTER_TOPIC: topics.deadLetters,
      TASK_INDEX: index.alias,
      CONSUMER_GROUP: `group-${topics.tasks}`,
      SESSION_TIMEOUT_MS: '45000',
      LOG_LEVEL: 'warn',
    };
    const processes: ServiceProcess[] = [];
    const start = async (service: 'api' | 'indexer') => {
      const started = await startService(service, env);
      processes.push(started);
      await started.ready();
      return started;
    };
    const versionsAreEqual = () =>
      waitFor('index and database to be equal', async () => {
        const [rows, documents] = [await database.versions(), await index.versions()];
        return rows.size === documents.size && [...rows].every(([id, version]) => documents.get(id) === version);
      });
    return {
      database,
      topics,
      index,
      env,
      start,
      versionsAreEqual,
      close: async () => {
        await Promise.all(processes.map(killProcess));
        await Promise.all([database.close(), topics.close(), index.close()]);
      },
    };
  };

  it.each([
    ['as many partitions and an indexer that starts later', 4],
    ['fewer partitions and an indexer that runs through it', 2],
  ] as const)(
    'an empty topic under offsets beyond its end, of %s, is read from its beginning, and verify --repair brings what was not read',
    async (_, partitions) => {
      const isStopped = partitions === 4;
      const product = await open();
      try {
        const [api, first] = await Promise.all([product.start('api'), product.start('indexer')]);
        let indexer = first;
        const read = await createMany(api, 'read');
        for (let change = 0; change < CHANGES; change += 1) {
          await Promise.all(read.map(({ id }) => call(api, 'PUT', `/tasks/${id}`, updateOf(`change ${change}`))));
        }
        await product.versionsAreEqual();
        await waitFor(
          'the offsets',
          async () => (await product.topics.committed(product.env.CONSUMER_GROUP)) === EACH * (1 + CHANGES),
        );
        if (isStopped) await stopProcess(indexer);
        else indexer.child.kill('SIGSTOP');
        // The answer to a fetch that is on its way: the stopped process finds it when it goes on.
        await createTask(api, 'perhaps read');
        await product.database.outboxEmpty();
        // Published, and lost before anybody read it.
        const lost = await createMany(api, 'lost on the way');
        await product.database.outboxEmpty();
        await product.topics.recreate(partitions);

        if (isStopped) await product.start('indexer');
        else indexer.child.kill('SIGCONT');
        const later = await createMany(api, 'written after it');
        // No other way than from the beginning: the committed offsets were beyond the new end.
        await waitFor(
          'the new events',
          async () => {
            // As a kubelet does it: the client may keep a topic that is gone, and liveness says so.
            if (!isStopped && !(await fetch(`${indexer.healthUrl}/livez`)).ok) {
              await stopProcess(indexer);
              indexer = await product.start('indexer');
            }
            const found = await product.index.versions();
            if (later.every(({ id }) => found.has(id))) return true;
            const { database, topics } = product;
            throw new Error(
              `${await database.waiting()} rows wait, ${await topics.end()} records are there, ${await topics.committed(product.env.CONSUMER_GROUP)} read`,
            );
          },
          { timeoutMs: 240_000, intervalMs: 500 },
        );
        const found = await product.index.versions();
        expect(lost.some(({ id }) => found.has(id))).toBe(false);
        await mustOps(['verify', '--repair', '--grace', '30'], product.env);
        await product.versionsAreEqual();
      } finally {
        await product.close();
      }
    },
    TIMEOUT_MS,
  );

  it(
    'a broker that comes back empty, its offsets gone too, gets what waits, and verify --repair brings the rest',
    async () => {
      const product = await open();
      try {
        const [api, indexer] = await Promise.all([product.start('api'), product.start('indexer')]);
        await createMany(api, 'read');
        await product.versionsAreEqual();
        await stopProcess(indexer);
        const lost = await createMany(api, 'lost with the volume');
        await product.database.outboxEmpty();
        await kafka.kill();
        const waiting = await createMany(api, 'waits in the outbox');
        kafka.loseVolume();
        await kafka.start();
        // As the topic operator does: the same names, and nothing in them.
        await product.topics.make();

        await product.start('indexer');
        await product.database.outboxEmpty();
        await waitFor(
          'what had waited',
          async () => {
            const found = await product.index.versions();
            return waiting.every(({ id }) => found.has(id));
          },
          { timeoutMs: 120_000 },
        );
        const found = await product.index.versions();
        expect(lost.some(({ id }) => found.has(id))).toBe(false);
        await mustOps(['verify', '--repair', '--grace', '30'], product.env);
        await product.versionsAreEqual();
      } finally {
        await product.close();
      }
    },
    TIMEOUT_MS,
  );
});
