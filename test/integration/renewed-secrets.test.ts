import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTask, search } from '../support/pipeline.ts';
import { stopProcess, type ServiceProcess } from '../support/process.ts';
import { createSecurePipeline, USER, type SecurePipeline } from '../support/secure-servers.ts';
import { waitFor } from '../support/wait.ts';

let pipeline: SecurePipeline;
let api: ServiceProcess;
let indexer: ServiceProcess;

beforeAll(async () => {
  pipeline = await createSecurePipeline();
  const { servers, database } = pipeline;
  await database.pool.query(`CREATE ROLE ${USER.name} SUPERUSER LOGIN PASSWORD '${USER.password}'`);
  const url = new URL(database.url);
  url.username = USER.name;
  url.password = encodeURIComponent(USER.password);
  writeFileSync(servers.mounted.databaseUrl, url.href);
  const env = {
    DATABASE_URL_FILE: servers.mounted.databaseUrl,
    // Each round of the load needs more connections than the one before.
    DATABASE_POOL_SIZE: '100',
    ELASTICSEARCH_USERNAME_FILE: servers.mounted.username,
    ELASTICSEARCH_PASSWORD_FILE: servers.mounted.password,
    SEARCH_TIMEOUT_MS: '30000',
    KAFKA_BROKERS: servers.kafka.password,
    KAFKA_CA_FILE: servers.mounted.cas,
    KAFKA_SASL_MECHANISM: 'PLAIN',
    KAFKA_SASL_USERNAME_FILE: servers.mounted.username,
    KAFKA_SASL_PASSWORD_FILE: servers.mounted.password,
    LOG_LEVEL: 'info',
  };
  [api, indexer] = await Promise.all([pipeline.start('api', env), pipeline.start('indexer', env)]);
  await Promise.all([api.ready(), indexer.ready()]);
});
afterAll(() => pipeline.close());

const failures: string[] = [];
const noted = (what: string, call: Promise<unknown>): Promise<unknown> =>
  call.catch((error: unknown) => failures.push(`${what}: ${String(error)}`));

/** Creates and searches, all the time. */
const load = async (signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    await Promise.all([noted('create', createTask(api, 'under load')), noted('search', search(api, 'load'))]);
  }
};

const readMany = (count: number) =>
  Promise.all(
    Array.from({ length: count }, () =>
      noted(
        'list',
        fetch(`http://127.0.0.1:${api.port}/tasks`).then(async (answer) => {
          if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
          await answer.text();
        }),
      ),
    ),
  );

/** Whether the services opened a session since then. */
const hasNewSession = async (since: Date): Promise<boolean> => {
  const { rowCount } = await pipeline.database.pool.query(
    `SELECT FROM pg_stat_activity WHERE application_name LIKE 'taskstream%' AND usename = $1 AND backend_start > $2`,
    [USER.name, since],
  );
  return (rowCount ?? 0) > 0;
};

const pending = async (): Promise<number> => {
  const counts = await Promise.all([api, indexer].map((each) => each.metric('taskstream_renewal_pending')));
  return counts.reduce((sum, count) => sum + count, 0);
};

it.each([
  ['a certificate of the same CA and key', 'same key', 20],
  ['a CA with another key, both of which are trusted meanwhile', 'new key', 40],
  ['a password', { password: 'another/one' }, 60],
] as const)(
  'no request fails, events go on arriving, and nothing is restarted: %s is renewed at all three servers',
  async (title, change, readers) => {
    const end = new AbortController();
    const loads = Array.from({ length: 4 }, () => load(end.signal));
    try {
      await pipeline.servers.renewGently(change);
      const since = new Date();
      await waitFor('new sessions of PostgreSQL', async () => {
        await readMany(readers);
        return hasNewSession(since);
      });
      const task = await createTask(api, `behind ${title}`);
      await waitFor(
        'the new task in search',
        async () => (await search(api, `behind ${title}`)).tasks.some(({ id }) => id === task.id),
        { timeoutMs: 120_000 },
      );
      await waitFor('everything that is old to be replaced', async () => (await pending()) === 0, {
        timeoutMs: 120_000,
      });
      for (const log of [api.logs(), indexer.logs()]) expect(log).toMatch(/renewed certificates and login took over/);
      for (const service of [api, indexer]) expect((await fetch(`${service.healthUrl}/livez`)).status).toBe(200);
    } finally {
      end.abort();
      await Promise.all(loads);
    }
    expect(failures).toEqual([]);
  },
);

it('what is old is shown while no client of Kafka can be made of what the files say, and events go on', async () => {
  writeFileSync(pipeline.servers.mounted.password, 'not yet known');
  await waitFor(
    'the metric to show it',
    async () => (await indexer.metric('taskstream_renewal_pending', { client: 'taskstream-indexer' })) === 1,
    { timeoutMs: 30_000 },
  );
  const task = await createTask(api, 'with the login of before');
  await waitFor(
    'the task in search',
    async () => (await search(api, 'with the login of before')).tasks[0]?.id === task.id,
    { timeoutMs: 60_000 },
  );
  expect((await fetch(`${indexer.healthUrl}/livez`)).status).toBe(200);
  writeFileSync(pipeline.servers.mounted.password, 'another/one');
  await waitFor('nothing old to be left', async () => (await pending()) === 0, { timeoutMs: 120_000 });
  for (const service of [api, indexer])
    expect(await stopProcess(service), service.logs()).toEqual({ code: 0, signal: null });
});
