import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLoneApi, type LoneApi } from '../support/lone-api.ts';

let api: LoneApi;
beforeAll(async () => {
  api = await startLoneApi();
});
afterAll(() => api.close());

const post = (body: string, headers: Record<string, string> = {}, path = '/tasks', method = 'POST') =>
  fetch(api.url + path, { method, body, headers: { 'content-type': 'application/json', ...headers } });

const keys = Object.fromEntries(Array.from({ length: 6_000 }, (_, i) => [`key${i}`, 1]));

it.each<[string, () => Promise<Response>]>([
  ['6,000 unknown keys', () => post(JSON.stringify(keys))],
  ['an unknown key of 60 kB', () => post(JSON.stringify({ ['k'.repeat(60_000)]: 1 }))],
  ['6,000 unknown keys in a field', () => post(JSON.stringify({ description: 'x', dates: keys }))],
  ['a priority of 60 kB', () => post(JSON.stringify({ description: 'x', priority: 'p'.repeat(60_000) }))],
  ['60 kB that are no JSON', () => post('x'.repeat(60_000))],
  ['1,000 unknown parameters', () => fetch(`${api.url}/tasks?${'abcdefgh=1&'.repeat(1_000)}`)],
  ['a path of 10 kB', () => fetch(`${api.url}/${'x'.repeat(10_000)}`)],
  ['an encoding of 10 kB', () => post('{}', { 'content-encoding': 'x'.repeat(10_000) })],
])('answers bad input with what a person can read: %s', async (_, ask) => {
  const answer = await ask();
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(answer.status).toBeLessThan(500);
  expect((await answer.text()).length).toBeLessThan(4_096);
});

describe('a task as GET shows it, sent back,', () => {
  const set = { id: uuidv7(), version: 3, schemaVersion: 2, createdAt: '2026-02-01T08:00:00.000Z', updatedAt: 'x' };
  const fields = { description: 'x', priority: 'none', dates: { start: null, due: null }, tags: [] };
  const names = 'id, version, schemaVersion, createdAt, updatedAt are set by the service: leave them out';

  it.each([
    ['POST', '/tasks', fields],
    ['PUT', `/tasks/${set.id}`, { ...fields, isDone: true }],
    ['PATCH', `/tasks/${set.id}`, { isDone: true }],
  ])('is one fault that says what to leave out, by %s', async (method, path, body) => {
    const answer = await post(JSON.stringify({ ...body, ...set }), {}, path, method);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: `body: ${names}.`, errors: [{ path: '', message: names }] });
  });

  it('is one fault with its place in a batch, beside a name that nobody knows', async () => {
    const operations = [{ op: 'update', id: set.id, task: { ...fields, ...set, isDone: true, colour: 'red' } }];
    const { outcomes } = (await (await post(JSON.stringify({ operations }), {}, '/tasks/batch')).json()) as {
      outcomes: { problem: unknown }[];
    };
    expect(outcomes.map(({ problem }) => problem)).toMatchObject([
      {
        errors: [
          { path: 'operations.0.task.colour', message: 'is not known' },
          { path: 'operations.0.task', message: names },
        ],
      },
    ]);
  });
});
