import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { createTestTopics, type TestTopics } from '../support/kafka.ts';
import { reportOfOps, runOps } from '../support/ops.ts';
import { call, createTask, search } from '../support/pipeline.ts';
import { killProcess, startService, type ServiceProcess } from '../support/process.ts';
import { createTestIndex, type TestIndex } from '../support/search-index.ts';
import { waitFor } from '../support/wait.ts';

const mark = randomUUID().slice(0, 8);
const [owner, service, name] = [`owner_${mark}`, `service_${mark}`, `managed_${mark}`];

/** The statements that docs/managed-servers.md gives, for roles and a database of this test's own. */
const [asAdministrator = '', asOwner = ''] = [
  ...readFileSync('docs/managed-servers.md', 'utf8').matchAll(/^```sql\n(.*?)^```$/gms),
].map(([, text = '']) =>
  text
    .replaceAll('taskstream_owner', owner)
    .replaceAll('taskstream_service', service)
    .replaceAll('DATABASE taskstream', `DATABASE ${name}`),
);

const urlOf = (user?: string): string => {
  const url = new URL(inject('databaseUrl'));
  if (user !== undefined) Object.assign(url, { username: user, password: 'change-me', pathname: `/${name}` });
  return url.href;
};

const statements = async (connectionString: string, text: string): Promise<void> => {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    for (const statement of text.split(/;\s*$/m).filter((each) => each.trim() !== '')) await client.query(statement);
  } finally {
    await client.end();
  }
};

let topics: TestTopics;
let index: TestIndex;
let env: Readonly<Record<string, string>>;
const running: ServiceProcess[] = [];

beforeAll(async () => {
  await statements(urlOf(), asAdministrator);
  await statements(urlOf(owner), asOwner);
  [topics, index] = await Promise.all([
    createTestTopics(inject('kafkaBrokers')),
    createTestIndex(inject('elasticsearchUrl')),
  ]);
  env = {
    DATABASE_URL: urlOf(service),
    KAFKA_BROKERS: inject('kafkaBrokers'),
    ELASTICSEARCH_URL: inject('elasticsearchUrl'),
    TASKS_TOPIC: topics.tasks,
    DEAD_LETTER_TOPIC: topics.deadLetters,
    TASK_INDEX: index.alias,
    CONSUMER_GROUP: `group-${topics.tasks}`,
    LOG_LEVEL: 'warn',
  };
});
afterAll(async () => {
  await Promise.all(running.map(killProcess));
  await Promise.all([topics.close(), index.close()]);
  await statements(urlOf(), `DROP DATABASE ${name} WITH (FORCE);\nDROP ROLE ${owner};\nDROP ROLE ${service};\n`);
});

it('the service user cannot migrate: it may make no table', async () => {
  const { code, stderr } = await runOps(['migrate'], { ...env, MIGRATE_DEADLINE_MS: '5000' });
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/permission denied/);
});

it('a user that owns nothing serves, publishes, verifies and repairs what the owner has migrated', async () => {
  const migrated = await runOps(['migrate'], { ...env, DATABASE_URL: urlOf(owner) });
  expect([migrated.code, migrated.stderr]).toEqual([0, expect.any(String)]);
  const start = async (kind: 'api' | 'indexer') => {
    const process = await startService(kind, env);
    running.push(process);
    await process.ready();
    return process;
  };
  const [api] = await Promise.all([start('api'), start('indexer')]);
  const task = await createTask(api, 'kept by a guest');
  const gone = await createTask(api, 'gone with a guest');
  await call(api, 'DELETE', `/tasks/${gone.id}`);
  await waitFor('the task in search', async () => (await search(api, 'guest')).tasks[0]?.id === task.id);
  await waitFor('the deletion in search', async () => (await search(api, 'guest')).total === 1);

  // Without the highest number of the outbox the relay would read from its beginning each time.
  const { stdout } = await runOps(['outbox', '--interval', '0.1', '--json'], env);
  expect(JSON.parse(stdout)).toMatchObject({ depth: 0 });
  const client = new Client({ connectionString: urlOf(service) });
  await client.connect();
  const { rows } = await client.query<{ drawn: string }>('SELECT outbox_drawn() AS drawn');
  await client.end();
  expect(Number(rows[0]?.drawn)).toBe(3);

  const { code, report } = await reportOfOps(['verify', '--repair', '--json'], env);
  expect([code, report]).toMatchObject([0, { rows: 1, drift: { missing: 0, stale: 0, surplus: 0 } }]);
  expect((await runOps(['reindex'], env)).code).toBe(0);
  expect((await runOps(['dlq', 'list'], env)).code).toBe(0);
  // What an owner could do, and nobody else.
  await expect(statements(urlOf(service), 'DROP TABLE tasks;')).rejects.toThrow(/must be owner/);
});
