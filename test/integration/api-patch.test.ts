import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { v7 as uuidv7 } from 'uuid';
import { startTestApi, type TestApi } from '../support/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

const [START, DUE] = ['2026-03-01T08:00:00.000Z', '2026-03-02T08:00:00.000Z'];
const full = { description: 'water the plants', priority: 'high', dates: { start: START, due: DUE }, tags: ['home'] };
const create = async (body: object = full) => (await api.request('POST', '/tasks', body)).body.task;
const patch = (id: string, body: unknown, headers: Record<string, string> = {}) =>
  api.request('PATCH', `/tasks/${id}`, body, headers);

describe('PATCH /tasks/{id}', () => {
  it('changes what it names, takes away what it says null for, and leaves everything else', async () => {
    const task = await create();
    const done = await patch(task.id, { isDone: true }, { 'content-type': 'application/merge-patch+json' });
    expect([done.status, done.headers.get('etag')]).toEqual([200, '"2"']);
    expect(done.body.task).toEqual({ ...task, isDone: true, version: 2, updatedAt: done.body.task.updatedAt });
    const { body } = await patch(task.id, { description: ' rest ', dates: { due: null }, priority: null, tags: null });
    expect(body.task).toMatchObject({
      description: 'rest',
      priority: 'none',
      dates: { start: START, due: null },
      isDone: true,
      tags: [],
      version: 3,
    });
    expect((await patch(task.id, { dates: null })).body.task.dates).toEqual({ start: null, due: null });
    expect((await api.request('GET', `/tasks/${task.id}`)).body.task).toMatchObject({
      version: 4,
      description: 'rest',
    });
  });

  it('publishes the whole task, as any change', async () => {
    const { id } = await create();
    const { body } = await patch(id, { priority: 'low' });
    const { rows } = await api.database.pool.query<{ type: string; task: string }>(
      'SELECT type, task FROM outbox WHERE task_id = $1 AND version = 2',
      [id],
    );
    expect(rows).toEqual([{ type: 'tasks.event.updated', task: expect.any(String) as string }]);
    expect(JSON.parse(rows[0]?.task ?? '')).toEqual(body.task);
  });

  it('loses nothing of clients that change different fields at the same time', async () => {
    const { id } = await create({ description: 'together' });
    const bodies = [{ priority: 'high' }, { isDone: true }, { dates: { start: START } }, { dates: { due: DUE } }];
    const answers = await Promise.all([...bodies, { tags: ['a'] }].map((body) => patch(id, body)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect((await api.request('GET', `/tasks/${id}`)).body.task).toMatchObject({
      ...{ priority: 'high', isDone: true, dates: { start: START, due: DUE }, tags: ['a'], version: 6 },
    });
  });

  it('refuses dates that do not go with the one that stays, and no neighbour of the same statement', async () => {
    const tasks = await Promise.all(Array.from({ length: 40 }, () => create()));
    const answers = await Promise.all(
      tasks.map(({ id }, n) =>
        patch(id, { dates: { due: n % 4 === 0 ? '2026-02-01T00:00:00Z' : '2026-04-01T00:00:00Z' } }),
      ),
    );
    for (const [n, { status, body }] of answers.entries()) {
      if (n % 4 > 0) expect([status, body.task.dates.start]).toEqual([200, START]);
      else expect([status, body.errors]).toEqual([400, [{ path: 'dates.start', message: 'must not be after due' }]]);
    }
  });

  it('judges by the row that it waited for, not by the one it found', async () => {
    const { id } = await create();
    const holder = new Client({ connectionString: api.database.url });
    await holder.connect();
    try {
      await holder.query('BEGIN');
      await holder.query("UPDATE tasks SET start_at = '2026-01-01Z', version = version + 1 WHERE id = $1", [id]);
      const waiting = patch(id, { dates: { due: '2026-02-01T00:00:00Z' } });
      setTimeout(() => void holder.query('COMMIT'), 700);
      const answer = await waiting;
      expect([answer.status, answer.text]).toEqual([200, expect.anything()]);
      expect(answer.body.task).toMatchObject({
        dates: { start: '2026-01-01T00:00:00.000Z', due: '2026-02-01T00:00:00.000Z' },
        version: 3,
      });
    } finally {
      await holder.end();
    }
  });

  it('answers 412 when somebody was first, 404 for what is not there, and 400 for what is no patch of a task', async () => {
    const { id } = await create();
    expect((await patch(id, { isDone: true }, { 'if-match': '"7"' })).status).toBe(412);
    expect((await patch(id, { isDone: true }, { 'if-match': '"1"' })).status).toBe(200);
    expect((await patch(uuidv7(), { isDone: true })).body.code).toBe('task_not_found');
    const refused = [{ description: null }, { version: 3 }, { isDone: 'yes' }, [], null, { dates: { end: DUE } }];
    for (const body of refused) expect([body, (await patch(id, body)).status]).toEqual([body, 400]);
    expect((await patch(id, 'isDone', { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await api.request('GET', `/tasks/${id}`)).body.task.version).toBe(2);
  });
});
