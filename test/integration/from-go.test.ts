/** What docs/from-go.md says of a client of the Go version: its bodies, as its generated types write them, and what becomes of them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { v7 as uuidv7 } from 'uuid';
import { startTestApi, type TestApi } from '../support/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

/** Its dates have nine digits and the machine's offset, and both are always named. */
const dates = { due: '2026-03-02T09:30:00.123456789+01:00', start: null };
const create = async (description: string) =>
  (await api.request('POST', '/tasks', { dates, description, priority: 'low' })).body.task;
const refusedFields = async (method: string, path: string, body: object) => {
  const { status, body: problem } = await api.request(method, path, body);
  return [status, problem.code, problem.errors.map(({ path: field }) => field)];
};

describe('a client of the Go version', () => {
  it('creates by the body that it has, and repeats it safely with a key', async () => {
    const send = (headers: Record<string, string>) =>
      api.request('POST', '/tasks', { dates, description: 'sleep early', priority: 'low' }, headers);
    const key = { 'idempotency-key': uuidv7() };
    const first = await send(key);
    expect(first).toMatchObject({
      status: 201,
      body: {
        task: {
          description: 'sleep early',
          priority: 'low',
          isDone: false,
          version: 1,
          tags: [],
          dates: { due: '2026-03-02T08:30:00.123Z', start: null },
          createdAt: expect.stringMatching(/Z$/) as string,
        },
      },
    });
    const { id } = first.body.task;
    expect([first.headers.get('location'), first.headers.get('etag')]).toEqual([`/tasks/${id}`, '"1"']);
    expect((await send(key)).body.task.id).toBe(id);
  });

  it('learns what was wrong with its body, and not that the server failed', async () => {
    expect(await refusedFields('POST', '/tasks', { dates, priority: 'low' })).toEqual([
      400,
      'validation_failed',
      ['description'],
    ]);
    const problem = await api.request('POST', '/tasks', { description: 'late', priority: 'urgent', dates: {} });
    expect(problem.headers.get('content-type')).toContain('application/problem+json');
    expect(problem.body).toMatchObject({ code: 'validation_failed', errors: [{ path: 'priority' }] });
    expect(problem.body.error).toContain('priority');
    expect((await api.request('POST', '/tasks', { description: 'x'.repeat(2_000_000) })).status).toBe(413);
  });

  it('finds no task by an id that is none: 404 to read, change and delete', async () => {
    const path = `/tasks/${uuidv7()}`;
    for (const [method, body] of [['GET'], ['PATCH', { isDone: true }], ['DELETE']] as const) {
      expect((await api.request(method, path, body)).status, method).toBe(404);
    }
    const { id } = await create('deleted');
    expect((await api.request('DELETE', `/tasks/${id}`)).status).toBe(204);
    expect((await api.request('GET', `/tasks/${id}`)).status).toBe(404);
  });

  it('changes some fields by PATCH with the body that its PUT had; a PUT names all but the tags', async () => {
    const { id } = await create('sleep');
    const path = `/tasks/${id}`;
    const some = { description: 'sleep early...', isDone: true };
    expect(await refusedFields('PUT', path, some)).toEqual([400, 'validation_failed', ['priority', 'dates']]);
    expect((await api.request('PATCH', path, some)).body.task).toMatchObject({ ...some, priority: 'low', version: 2 });
    const all = { ...some, priority: 'high', dates: { due: null, start: null } };
    expect((await api.request('PUT', path, all)).body.task).toMatchObject({ ...all, version: 3 });
  });

  it('is told of is_done, which no body here has', async () => {
    const { id } = await create('done by another name');
    for (const [method, path, body] of [
      ['PUT', `/tasks/${id}`, { description: 'x', priority: 'low', dates, isDone: true, is_done: true }],
      ['PATCH', `/tasks/${id}`, { is_done: true }],
      ['POST', '/tasks/search', { description: 'x', is_done: null }],
    ] as const) {
      const { status, body: problem } = await api.request(method, path, body);
      expect([status, problem.code], `${method} ${path}`).toEqual([400, 'validation_failed']);
      expect(problem.error).toContain('is_done');
    }
    expect((await api.request('POST', '/search/tasks', { description: 'x' })).status).toBe(404);
  });

  it('searches with null for any, by all conditions and not by one of them, and without one finds all, newest first', async () => {
    const named = ['walrus high', 'walrus low', 'heron high'];
    const ids: string[] = [];
    const operations: object[] = [];
    for (const description of named) {
      const priority = description.endsWith('high') ? 'high' : 'low';
      const { task } = (await api.request('POST', '/tasks', { description, priority })).body;
      ids.push(task.id);
      operations.push({ index: { _id: task.id } }, task);
    }
    await api.index.client.bulk({ index: api.index.alias, refresh: true, operations });
    const search = async (body: object) =>
      (await api.request('POST', '/tasks/search', { from: 0, size: 10, ...body })).body.tasks.map(({ id }) => id);
    const any = { description: null, isDone: null, priority: null };
    expect(await search(any)).toEqual([...ids].reverse());
    expect(await search({})).toEqual([...ids].reverse());
    expect((await search({ ...any, description: 'walrus' })).sort()).toEqual(ids.slice(0, 2).sort());
    expect(await search({ ...any, description: 'walrus', priority: 'high' })).toEqual(ids.slice(0, 1));
  });
});
