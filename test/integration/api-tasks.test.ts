import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTaskStore } from '../../services/task/store.ts';
import { requestHash } from '../../services/pipeline/rest/create.ts';
import { createCommand, taskIn } from '../support/task.ts';
import { startTestApi, type TestApi } from '../support/api.ts';

let api: TestApi;

beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

const create = (body: Record<string, unknown> = {}, headers: Record<string, string> = {}) =>
  api.request('POST', '/tasks', { description: 'water the plants', ...body }, headers);
const full = { description: 'changed', priority: 'high', dates: { start: null, due: null }, isDone: true };
const outboxOf = async (id: string) =>
  (
    await api.database.pool.query<{ type: string; version: string; task: string; traceparent: string | null }>(
      'SELECT type, version, task, traceparent FROM outbox WHERE task_id = $1 ORDER BY id',
      [id],
    )
  ).rows;

describe('POST /tasks', () => {
  it('creates a task with its defaults, and says where it is and which version it has', async () => {
    const { status, headers, body } = await create();
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`/tasks/${body.task.id}`);
    expect(headers.get('etag')).toBe('"1"');
    expect(body.task).toMatchObject({
      description: 'water the plants',
      priority: 'none',
      dates: { start: null, due: null },
      isDone: false,
      version: 1,
    });
    expect(body.task.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(body.task.createdAt).toBe(body.task.updatedAt);
  });

  it('writes the event with the row: it carries the very task that was answered, and the trace of the request', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const { body } = await create({}, { traceparent });
    const [event] = await outboxOf(body.task.id);
    expect(event).toMatchObject({ type: 'tasks.event.created', version: '1', traceparent });
    expect(JSON.parse(event?.task ?? '')).toEqual(body.task);
  });

  it('keeps times in UTC with milliseconds, and trims the description', async () => {
    const { body } = await create({
      description: '  x  ',
      dates: { start: '2026-03-01T10:00:00+02:00', due: '2026-03-01T08:00:00.1234Z' },
    });
    expect(body.task).toMatchObject({
      description: 'x',
      dates: { start: '2026-03-01T08:00:00.000Z', due: '2026-03-01T08:00:00.123Z' },
    });
  });

  it('never makes a second task for the same Idempotency-Key and body, and gives the first answer again', async () => {
    const key = { 'idempotency-key': uuidv7() };
    const first = await create({}, key);
    await api.request('PUT', `/tasks/${first.body.task.id}`, full);
    const second = await create({ description: ' water the plants ' }, key);
    expect(second.status).toBe(201);
    expect(second.body).toEqual(first.body);
    expect(second.headers.get('location')).toBe(first.headers.get('location'));
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    const other = await create({ description: 'something else' }, key);
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
  });

  it('creates one task a key, and fails no neighbour, when two processes bring the same keys at once', async () => {
    const { database } = api;
    const store = () =>
      createTaskStore({ pool: database.pool, entity: taskIn(), onCommit: () => undefined, onBatch: () => undefined });
    const keys = Array.from({ length: 20 }, () => uuidv7());
    const round = (each: ReturnType<typeof store>) =>
      Array.from({ length: 60 }, (_, i) => {
        const key = keys[i % 30];
        return each.create({
          ...createCommand({ description: 'fine' }),
          idempotency: key === undefined ? undefined : { key, requestHash: 'x' },
        });
      });
    const results = await Promise.all([...round(store()), ...round(store()), ...round(store())]);
    const { rows } = await database.pool.query<{ key: string; task_id: string }>(
      'SELECT key, task_id FROM idempotency_keys WHERE key = ANY($1)',
      [keys],
    );
    expect(rows).toHaveLength(keys.length);
    // Of 30 commands, 20 have a key: 3 stores with 2 rounds of them create 20 tasks with, and 60 without one.
    expect(new Set(results.map(({ id }) => id)).size).toBe(keys.length + 3 * 2 * 10);
    for (const { task_id: id } of rows) expect(await outboxOf(id)).toHaveLength(1);
  });

  it('finds a key that 0.1.0 stored with its quotes', async () => {
    const { pool } = api.database;
    const task = { description: 'stored by 0.1.0', priority: 'none', start: null, due: null };
    await pool.query(
      `INSERT INTO idempotency_keys (key, request_hash, task_id, task) VALUES ($1, $2, gen_random_uuid(), '{"id":1}')`,
      ['"quoted-key"', requestHash(task)],
    );
    const answer = await api.request(
      'POST',
      '/tasks',
      { description: task.description },
      { 'idempotency-key': '"quoted-key"' },
    );
    expect([answer.status, answer.headers.get('idempotent-replayed')]).toEqual([201, 'true']);
    const tagged = { description: task.description, tags: ['a'] };
    const other = await api.request('POST', '/tasks', tagged, { 'idempotency-key': '"quoted-key"' });
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused']);
  });

  it('takes a key in quotes, as the IETF draft writes it, for the same key without them', async () => {
    const key = uuidv7();
    const first = await create({}, { 'idempotency-key': key });
    const second = await create({}, { 'idempotency-key': `"${key}"` });
    expect([second.status, second.body]).toEqual([201, first.body]);
    expect(second.headers.get('idempotent-replayed')).toBe('true');
  });

  it('makes one task of 30 concurrent requests with one key, and answers all of them with it', async () => {
    const key = { 'idempotency-key': uuidv7() };
    const answers = await Promise.all(Array.from({ length: 30 }, () => create({ description: 'once' }, key)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({ body }) => body.task.id)).size).toBe(1);
    expect(await outboxOf(answers[0]?.body.task.id ?? '')).toHaveLength(1);
  });

  it('lets a bad row fail alone among those gathered into one statement', async () => {
    const results = await Promise.allSettled(
      // The first statements take the free slots; the others are gathered, the bad one in their middle.
      Array.from({ length: 40 }, (_, i) =>
        api.store.create(createCommand({ description: i === 20 ? 'NUL \0' : 'fine' })),
      ),
    );
    expect(results.map(({ status }) => status)).toEqual(results.map((_, i) => (i === 20 ? 'rejected' : 'fulfilled')));
  });
});

describe('GET /tasks/{id}', () => {
  it('answers with the task, and with 304 when the client has it', async () => {
    const { body } = await create();
    const path = `/tasks/${body.task.id}`;
    expect(await api.request('GET', path)).toMatchObject({ status: 200, body });
    for (const tags of ['"1"', 'W/"1"', '"7", "1"', '*']) {
      const answer = await api.request('GET', path, undefined, { 'if-none-match': tags });
      expect(answer.status).toBe(304);
      expect(answer.headers.get('etag')).toBe('"1"');
    }
    expect((await api.request('GET', path, undefined, { 'if-none-match': '"2"' })).status).toBe(200);
    const head = await api.request('HEAD', path);
    expect([head.status, head.headers.get('etag')]).toEqual([200, '"1"']);
  });
});

describe('PUT and DELETE', () => {
  it('replace and delete a task; its version grows by one each time, and the events carry it', async () => {
    const { body } = await create();
    const path = `/tasks/${body.task.id}`;
    const updated = await api.request('PUT', path, full);
    expect(updated).toMatchObject({ status: 200, body: { task: { ...full, version: 2 } } });
    expect(updated.headers.get('etag')).toBe('"2"');
    expect((await api.request('DELETE', path)).status).toBe(204);
    expect((await api.request('GET', path)).status).toBe(404);
    const events = await outboxOf(body.task.id);
    expect(events.map(({ type, version }) => [type, version])).toEqual([
      ['tasks.event.created', '1'],
      ['tasks.event.updated', '2'],
      ['tasks.event.deleted', '3'],
    ]);
    expect(JSON.parse(events[1]?.task ?? '')).toEqual(updated.body.task);
    expect(JSON.parse(events[2]?.task ?? '')).toMatchObject({ id: body.task.id, version: 3 });
  });

  it('refuse with 412 when another writer came first, and change nothing', async () => {
    const { body } = await create();
    const path = `/tasks/${body.task.id}`;
    for (const tags of ['"2"', 'W/"1"', '"nonsense"']) {
      const answer = await api.request('PUT', path, full, { 'if-match': tags });
      expect(answer).toMatchObject({ status: 412, body: { code: 'precondition_failed', currentVersion: 1 } });
      expect((await api.request('DELETE', path, undefined, { 'if-match': tags })).status).toBe(412);
    }
    expect(await outboxOf(body.task.id)).toHaveLength(1);
    expect((await api.request('PUT', path, full, { 'if-match': '"9", "1"' })).status).toBe(200);
    expect((await api.request('DELETE', path, undefined, { 'if-match': '*' })).status).toBe(204);
  });

  it('refuse with 412 what If-None-Match names, as RFC 9110 says, and change nothing', async () => {
    const { body } = await create();
    const path = `/tasks/${body.task.id}`;
    for (const tags of ['*', '"1"', 'W/"1"', '"9", "1"']) {
      const answer = await api.request('PUT', path, full, { 'if-none-match': tags });
      expect(answer).toMatchObject({ status: 412, body: { code: 'precondition_failed', currentVersion: 1 } });
      expect((await api.request('DELETE', path, undefined, { 'if-none-match': tags })).status).toBe(412);
    }
    expect((await api.request('PUT', path, full, { 'if-match': '"1", "2"', 'if-none-match': '"1"' })).status).toBe(412);
    expect(await outboxOf(body.task.id)).toHaveLength(1);
    expect((await api.request('PUT', path, full, { 'if-none-match': '"9", "2"' })).status).toBe(200);
    expect((await api.request('PUT', path, full, { 'if-none-match': '"9", "1"' })).status).toBe(200);
    expect((await api.request('DELETE', path, undefined, { 'if-none-match': 'W/"2"' })).status).toBe(204);
    // There is nothing to meet: what remains is that there is no such task.
    expect((await api.request('PUT', path, full, { 'if-none-match': '*' })).status).toBe(404);
  });

  it('take an id in upper case for the same task, also side by side with the other spelling', async () => {
    const { body } = await create();
    const { id } = body.task;
    const paths = [`/tasks/${id}`, `/tasks/${id.toUpperCase()}`];
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => api.request('PUT', paths[i % 2] ?? '', full)),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(new Set(answers.map((answer) => answer.body.task.id))).toEqual(new Set([id]));
    expect(new Set(answers.map((answer) => answer.body.task.version)).size).toBe(40);
    expect((await api.request('GET', paths[1] ?? '')).body.task.version).toBe(41);
    expect((await api.request('DELETE', paths[1] ?? '')).status).toBe(204);
    expect((await api.request('GET', paths[0] ?? '')).status).toBe(404);
  });

  it('serve a row whose id is of no version that RFC 9562 knows', async () => {
    const { body } = await create();
    const id = 'ffffeeee-dddd-cccc-bbbb-aaaa99998888';
    await api.database.pool.query('UPDATE tasks SET id = $1 WHERE id = $2', [id, body.task.id]);
    const path = `/tasks/${id}`;
    expect((await api.request('PUT', path, full)).status).toBe(200);
    const first = await api.request('GET', '/tasks?limit=1');
    expect(first.body.tasks.map((task) => task.id)).toEqual([id]);
    expect((await api.request('GET', `/tasks?limit=1&cursor=${first.body.nextCursor}`)).status).toBe(200);
    expect((await api.request('DELETE', path)).status).toBe(204);
  });

  it('have exactly one winner when many writers expect the same version', async () => {
    const { body } = await create();
    const answers = await Promise.all(
      Array.from({ length: 25 }, () => api.request('PUT', `/tasks/${body.task.id}`, full, { 'if-match': '"1"' })),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 412)).toHaveLength(24);
  });

  it('give 100 concurrent updates of one task versions without gaps, and events in that order', async () => {
    const { body } = await create();
    const path = `/tasks/${body.task.id}`;
    const answers = await Promise.all(Array.from({ length: 100 }, () => api.request('PUT', path, full)));
    const versions = answers.map((answer) => answer.body.task.version).sort((a, b) => a - b);
    expect(versions).toEqual(Array.from({ length: 100 }, (_, i) => i + 2));
    expect((await outboxOf(body.task.id)).map(({ version }) => Number(version))).toEqual([1, ...versions]);
  });
});

describe('GET /tasks', () => {
  it('lists all tasks newest first over pages, while new ones come in', async () => {
    const made: string[] = [];
    for (let i = 0; i < 12; i += 1) made.push((await create()).body.task.id);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page = await api.request(
        'GET',
        `/tasks?limit=5${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
      );
      expect(page.status).toBe(200);
      seen.push(...page.body.tasks.map(({ id }) => id));
      cursor = page.body.nextCursor;
      await create();
    } while (cursor !== null);
    expect(seen.filter((id) => made.includes(id))).toEqual(made.toReversed());
    expect(new Set(seen).size).toBe(seen.length);
  });
});
