import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Task } from '../../services/task/task.ts';
import { runOps, startOps } from '../support/ops.ts';
import { call, createPipeline, createTask, search, type Pipeline } from '../support/pipeline.ts';
import { stopProcess, type ServiceProcess } from '../support/process.ts';
import { insertTasks } from '../support/task.ts';
import { taskOf } from '../support/events.ts';
import { waitFor } from '../support/wait.ts';
import { updateOf } from '../support/sample.ts';

let pipeline: Pipeline;
let api: ServiceProcess;

beforeAll(async () => {
  pipeline = await createPipeline();
  [api] = await Promise.all([pipeline.startApi(), pipeline.startIndexer()]);
});
afterAll(() => pipeline.close());

const owners = (...args: string[]) => runOps(['owners', ...args], pipeline.env);
const ownersNow = async (): Promise<Map<string, string | null>> => {
  const { rows } = await pipeline.database.pool.query<{ id: string; owner: string | null }>(
    'SELECT id::text, owner FROM tasks',
  );
  return new Map(rows.map(({ id, owner }) => [id, owner]));
};
const many = (name: string): Promise<Task[]> =>
  Promise.all(Array.from({ length: 4 }, (_, i) => createTask(api, `${name} ${i}`)));

it('gives owners to what nobody owns, as a change that search follows, and to nothing twice', async () => {
  const [own, named, left] = [await many('own'), await many('named'), await many('left')];
  await pipeline.database.pool.query("UPDATE tasks SET owner = 'somebody' WHERE id = ANY($1)", [
    own.map(({ id }) => id),
  ]);
  const file = join(mkdtempSync(join(tmpdir(), 'owners-')), 'owners.csv');
  const lines = [...own, ...named].map(({ id }, n) => `${n % 2 === 0 ? id : id.toUpperCase()}, auth0|${n}, 7`);
  writeFileSync(file, `id,owner\r\n${lines.join('\r\n')}\r\n`);

  const first = await owners('--file', file);
  expect(first).toMatchObject({ code: 0, stdout: '4 tasks have an owner now\n' });
  expect((await owners('--file', file)).stdout).toBe('0 tasks have an owner now\n');
  expect((await owners('--to', 'all of us')).stdout).toBe('4 tasks have an owner now\n');
  expect(await ownersNow()).toEqual(
    new Map([
      ...own.map(({ id }) => [id, 'somebody'] as const),
      ...named.map(({ id }, n) => [id, `auth0|${own.length + n}, 7`] as const),
      ...left.map(({ id }) => [id, 'all of us'] as const),
    ]),
  );
  await pipeline.converged();
  for (const { id } of [...named, ...left]) {
    expect((await call(api, 'GET', `/tasks/${id}`)).body).toMatchObject({ task: { id, version: 2 } });
  }
  const found = await search(api, '', { owner: 'all of us' });
  expect(found.tasks.map(({ id, version }) => [id, version]).sort()).toEqual(left.map(({ id }) => [id, 2]).sort());
});

it.each([
  [[], 'Give either --to or --file.'],
  [['--to', 'x', '--file', 'y'], 'Give either --to or --file.'],
  [['--to', 'a\nb'], '--to: an owner has 1 to 255 characters'],
  [['--file', '/no/such/file'], 'no such file'],
])('says what is wrong with %j, and changes nothing', async (args, message) => {
  const before = await ownersNow();
  const { code, stderr } = await owners(...args);
  expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
  expect(await ownersNow()).toEqual(before);
});

it('takes no quotes for a part of a name', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'owners-')), 'owners.csv');
  writeFileSync(file, `${(await createTask(api, 'quoted')).id},"ada"\n`);
  expect((await owners('--file', file)).stderr).toContain('owners.csv, line 1: write the owner without quotes');
});

it('names the line of a file that says no owner, before it changes any', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'owners-')), 'owners.csv');
  const task = await createTask(api, 'of nobody');
  writeFileSync(file, `${task.id},ada\n${task.id}\n`);
  const { code, stderr } = await owners('--file', file);
  expect([code, stderr]).toEqual([
    1,
    expect.stringContaining('owners.csv, line 2: write an id, a comma, and its owner'),
  ]);
  expect((await ownersNow()).get(task.id)).toBe(null);
});

it('goes on where it was killed, waits while Kafka has too much before it, and gives each row one owner', async () => {
  const { pool } = pipeline.database;
  await stopProcess(api);
  const tasks = Array.from({ length: 15_000 }, () => taskOf());
  await insertTasks(pool, tasks);
  const ids = tasks.map(({ id }) => id);
  const killed = startOps(['owners', '--to', 'ada'], pipeline.env);
  await waitFor('a part', async () => (await pipeline.database.waiting()) >= 3_000);
  killed.child.kill('SIGKILL');
  await killed.ended;
  const second = startOps(['owners', '--to', 'grace'], pipeline.env);
  // Nothing publishes: it writes no more than has room, and says why it waits.
  await waitFor('its word', () => Promise.resolve(second.stderr().includes('have not reached Kafka yet')));
  expect(Math.trunc((await pipeline.database.waiting()) / 1_000)).toBe(10);
  api = await pipeline.startApi();
  expect((await second.ended).code).toBe(0);
  await pipeline.converged(120_000);
  const now = await ownersNow();
  expect(new Set(ids.map((id) => now.get(id)))).toEqual(new Set(['ada', 'grace']));
  const { rows } = await pool.query('SELECT DISTINCT version FROM tasks WHERE id = ANY($1)', [ids]);
  expect(rows).toEqual([{ version: '2' }]);
  const [id = ''] = ids;
  expect((await call(api, 'PUT', `/tasks/${id}`, updateOf('changed'))).body).toMatchObject({ task: { version: 3 } });
}, 180_000);
