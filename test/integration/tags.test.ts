import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TASK_SCHEMA_VERSION } from '../../services/task/fields.ts';
import type { Task } from '../../services/task/task.ts';
import { runOps } from '../support/ops.ts';
import { call, createPipeline, type Pipeline } from '../support/pipeline.ts';
import type { ServiceProcess } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';

let pipeline: Pipeline;
let api: ServiceProcess;
let folder: string;

beforeAll(async () => {
  pipeline = await createPipeline();
  [api] = await Promise.all([pipeline.startApi(), pipeline.startIndexer()]);
  folder = await mkdtemp(join(tmpdir(), 'tags-'));
});
afterAll(async () => {
  await pipeline.close();
  await rm(folder, { recursive: true });
});

const create = async (body: object): Promise<Task> => {
  const answer = await call(api, 'POST', '/tasks', body);
  expect(answer.status).toBe(201);
  return (answer.body as { task: Task }).task;
};
const found = async (tags: readonly string[]): Promise<string[]> => {
  const { status, body } = await call(api, 'POST', '/tasks/search', { tags });
  expect(status).toBe(200);
  return (body as { tasks: Task[] }).tasks.map(({ description }) => description).sort();
};

it('brings tags from the request through the event to a search that finds tasks with all of them', async () => {
  const both = await create({ description: 'both', tags: ['home', 'phone', 'home'] });
  expect(both).toMatchObject({ tags: ['home', 'phone'], schemaVersion: TASK_SCHEMA_VERSION });
  await create({ description: 'one', tags: ['home'] });
  expect(await create({ description: 'none' })).toMatchObject({ tags: [] });
  await pipeline.converged();
  expect([await found(['home']), await found(['home', 'phone']), await found(['phone', 'office'])]).toEqual([
    ['both', 'one'],
    ['both'],
    [],
  ]);
  expect((await found([])).length).toBeGreaterThanOrEqual(3);
});

it('finds tags and words in either spelling that Unicode has for them, and stores one', async () => {
  const [short, long] = ['r\u00e9sum\u00e9', 're\u0301sume\u0301'];
  const task = await create({ description: `send the ${long}`, tags: [long, short] });
  expect(task).toMatchObject({ description: `send the ${short}`, tags: [short] });
  await pipeline.converged();
  for (const spelling of [short, long]) {
    expect(await found([spelling])).toEqual([task.description]);
    const { body } = await call(api, 'POST', '/tasks/search', { description: spelling });
    expect(body).toMatchObject({ total: 1, tasks: [{ id: task.id }] });
  }
});

it('keeps the tags of a task that a client changes which does not know them, and takes them away when asked to', async () => {
  const task = await create({ description: 'kept', tags: ['a'] });
  const known = { description: 'kept', priority: 'high', dates: {}, isDone: false };
  const kept = await call(api, 'PUT', `/tasks/${task.id}`, known);
  expect(kept.body).toMatchObject({ task: { priority: 'high', tags: ['a'], version: 2 } });
  const cleared = await call(api, 'PUT', `/tasks/${task.id}`, { ...known, tags: [] });
  expect(cleared.body).toMatchObject({ task: { tags: [], version: 3 } });
});

it.each([
  ['tags', Array.from({ length: 21 }, (_, i) => `tag ${i}`)],
  ['tags.0', ['x'.repeat(51)]],
  ['tags.1', ['fine', '\u200b']],
  ['tags.0', ['NUL \0']],
])('refuses what is no list of up to 20 tags of 1 to 50 characters: %s', async (path, tags) => {
  const { status, body } = await call(api, 'POST', '/tasks', { description: 'refused', tags });
  expect({ status, body }).toMatchObject({ status: 400, body: { errors: [{ path }] } });
});

it('imports tags from CSV and NDJSON', async () => {
  const files = {
    'tags.csv': 'description,tags\nfrom csv,"home; phone"\nwithout,\n',
    'tags.ndjson': '{"description":"from ndjson","tags":["home","phone"]}\n',
  };
  for (const [name, text] of Object.entries(files)) {
    const file = join(folder, name);
    writeFileSync(file, text);
    expect(await runOps(['import', file, '--url', `http://127.0.0.1:${api.port}`], {})).toMatchObject({ code: 0 });
  }
  await waitFor('what was imported', async () => {
    const names = await found(['home', 'phone']);
    return names.includes('from csv') && names.includes('from ndjson');
  });
});
