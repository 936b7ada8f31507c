import { afterAll, beforeAll, expect, it } from 'vitest';
import { startLoneApi, type LoneApi } from '../support/lone-api.ts';

let api: LoneApi;
beforeAll(async () => {
  api = await startLoneApi();
});
afterAll(() => api.close());

const post = (body: string, headers: Record<string, string> = {}, path = '/tasks') =>
  fetch(api.url + path, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });

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
