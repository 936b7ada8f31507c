import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { v7 as uuidv7 } from 'uuid';
import type { Task } from '../../services/task/task.ts';
import { purgeExpiredKeys } from '../../services/pipeline/write/idempotency.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

interface Outcome {
  readonly status: number;
  readonly task?: Task;
  readonly replayed?: true;
  readonly problem?: { readonly code: string; readonly detail: string; readonly currentVersion?: number };
}

const batch = async (operations: readonly unknown[], headers: Record<string, string> = {}): Promise<Outcome[]> => {
  const { status, text } = await api.request('POST', '/tasks/batch', { operations }, headers);
  expect([status, text]).toEqual([200, expect.anything()]);
  return (JSON.parse(text) as { outcomes: Outcome[] }).outcomes;
};
const create = async (description = 'water the plants') =>
  (await api.request('POST', '/tasks', { description })).body.task;
const full = { description: 'changed', priority: 'high', dates: { start: null, due: null }, isDone: true };

describe('POST /tasks/batch', () => {
  it('answers each operation as if it came alone, in their order', async () => {
    const [changed, patched, deleted, stale] = [await create(), await create(), await create(), await create()];
    const outcomes = await batch([
      { op: 'create', task: { description: 'new' } },
      { op: 'update', id: changed.id, task: full },
      { op: 'patch', id: patched.id.toUpperCase(), ifMatch: '"1"', task: { isDone: true } },
      { op: 'delete', id: deleted.id },
      { op: 'patch', id: stale.id, ifMatch: '"9"', task: { isDone: true } },
      { op: 'delete', id: uuidv7() },
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual([201, 200, 200, 204, 412, 404]);
    expect(outcomes.map(({ task }) => task?.version)).toEqual([1, 2, 2, undefined, undefined, undefined]);
    expect(outcomes[1]?.task).toMatchObject(full);
    expect(outcomes[2]?.task).toEqual({
      ...patched,
      isDone: true,
      version: 2,
      updatedAt: outcomes[2]?.task?.updatedAt,
    });
    expect(outcomes[4]?.problem).toMatchObject({ code: 'precondition_failed', currentVersion: 1 });
    expect(outcomes[5]?.problem).toMatchObject({ code: 'task_not_found' });
    const [one] = outcomes;
    expect((await api.request('GET', `/tasks/${one?.task?.id ?? ''}`)).body.task).toEqual(one?.task);
    expect((await api.request('GET', `/tasks/${deleted.id}`)).status).toBe(404);
  });

  it('carries out the operations of one id in their order', async () => {
    const { id } = await create();
    const steps = Array.from({ length: 20 }, (_, n) => ({ op: 'patch', id, task: { description: `step ${n}` } }));
    const outcomes = await batch([...steps, { op: 'delete', id }, { op: 'patch', id: id.toUpperCase(), task: {} }]);
    expect(outcomes.map(({ task, status }) => task?.description ?? status)).toEqual([
      ...steps.map(({ task }) => task.description),
      204,
      404,
    ]);
  });

  it('refuses by itself what is no operation, with the place where it stands', async () => {
    const { id } = await create();
    const outcomes = await batch([
      { op: 'patch', id, task: { dates: { start: '2026-03-02T00:00:00Z', due: '2026-03-01T00:00:00Z' } } },
      { op: 'create', task: {} },
      { op: 'upsert' },
      7,
      { op: 'create', id, task: { description: 'ids are not for clients' } },
      { op: 'delete', id: 'x' },
      { op: 'delete' },
      { op: 'delete', id, ifMatch: 'W' },
      { op: 'patch', id },
      { op: 'patch', id, task: { isDone: true, dates: { start: '2026-03-02T00:00:00Z' } } },
      { op: 'patch', id, task: { dates: { due: '2026-03-01T00:00:00Z' } } },
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400, 400, 400, 400, 400, 200, 400]);
    expect(outcomes.map(({ problem }) => problem?.detail)).toEqual([
      'operations.0.task.dates.start: must not be after due.',
      'operations.1.task.description: is required.',
      'operations.2.op: must be one of create, update, patch, delete.',
      'operations.3: must be an object.',
      'operations.4: id is set by the service: leave it out.',
      'operations.5.id: must be a UUID.',
      'operations.6.id: is required.',
      'operations.7.ifMatch: must be * or a list of quoted entity tags.',
      'operations.8.task: is required.',
      undefined,
      'operations.10.task.dates.start: must not be after due.',
    ]);
  });

  it('with a key K, a creation counts as sent alone with the key K/n: a repeated batch creates nothing twice', async () => {
    const key = uuidv7();
    const operations = [
      { op: 'delete', id: uuidv7() },
      { op: 'create', task: { description: 'once' } },
      { op: 'create', task: { description: 'once' } },
    ];
    const first = await batch(operations, { 'idempotency-key': key });
    expect(new Set(first.map(({ task }) => task?.id)).size).toBe(3);
    const alone = await api.request('POST', '/tasks', { description: 'once' }, { 'idempotency-key': `${key}/1` });
    expect([alone.headers.get('idempotent-replayed'), alone.body.task]).toEqual(['true', first[1]?.task]);
    const again = await batch(operations, { 'idempotency-key': `"${key}"` });
    expect(again.slice(1)).toEqual(first.slice(1).map((outcome) => ({ ...outcome, replayed: true })));
    const [other] = await batch([{ op: 'create', task: { description: 'first' } }], { 'idempotency-key': key });
    expect(other).toMatchObject({ status: 201 });
  });

  it('with Keep-Idempotency-Key, keys are known for ever, those of before included, and answer with what is there', async () => {
    const { pool } = api.database;
    const key = uuidv7();
    const operations = ['kept', 'deleted'].map((description) => ({ op: 'create', task: { description } }));
    const send = (keep: Record<string, string>) => batch(operations, { 'idempotency-key': key, ...keep });
    const [kept, deleted] = await send({});
    await send({ 'keep-idempotency-key': 'true' });
    await api.request('DELETE', `/tasks/${deleted?.task?.id ?? ''}`);
    await api.request('PATCH', `/tasks/${kept?.task?.id ?? ''}`, { description: 'kept and changed' });
    const forgotten = uuidv7();
    await api.request('POST', '/tasks', { description: 'kept' }, { 'idempotency-key': forgotten });
    await pool.query(`UPDATE idempotency_keys SET created_at = created_at - interval '721 hours'`);
    await purgeExpiredKeys(pool, 720);

    const late = await send({});
    expect(late[0]).toMatchObject({
      status: 201,
      replayed: true,
      task: { id: kept?.task?.id, description: 'kept and changed', version: 2 },
    });
    expect(late[1]).toMatchObject({
      status: 422,
      problem: { code: 'idempotency_key_reused', earlierId: deleted?.task?.id },
    });
    const alone = await api.request('POST', '/tasks', { description: 'kept' }, { 'idempotency-key': `${key}/0` });
    expect([alone.status, alone.headers.get('etag')]).toEqual([201, '"2"']);
    const anew = await api.request('POST', '/tasks', { description: 'kept' }, { 'idempotency-key': forgotten });
    expect([anew.status, anew.headers.get('idempotent-replayed')]).toEqual([201, null]);
    for (const headers of [
      { 'keep-idempotency-key': 'true' },
      { 'idempotency-key': key, 'keep-idempotency-key': '1' },
    ]) {
      expect((await api.request('POST', '/tasks/batch', { operations }, headers)).status).toBe(400);
    }
    const [, reused] = await batch([operations[0], { op: 'create', task: { description: 'another' } }], {
      'idempotency-key': key,
    });
    expect(reused).toMatchObject({ status: 422, problem: { code: 'idempotency_key_reused' } });
  });

  it('with Keep-Idempotency-Key: latest, a key answers to the newest request, with what is there, and a state tells equal bodies apart', async () => {
    const key = uuidv7();
    const post = (description: string, more: Record<string, string> = {}) =>
      api.request('POST', '/tasks', { description }, { 'idempotency-key': key, ...more });
    const latest = { 'keep-idempotency-key': 'latest' };
    const { id } = (await post('before')).body.task;
    await api.request('PATCH', `/tasks/${id}`, { description: 'changed here' });
    expect((await post('after')).body).toMatchObject({ code: 'idempotency_key_reused', earlierId: id });
    const there = { status: 201, body: { task: { id, description: 'changed here', version: 2 } } };
    for (const more of [latest, {}]) expect(await post('after', more)).toMatchObject(there);
    expect((await post('before')).status).toBe(422);
    // A key without a state takes any, and one that has a state its own.
    expect(await post('after', { 'idempotency-state': 'open' })).toMatchObject(there);
    expect(await post('after', { 'idempotency-state': 'open', ...latest })).toMatchObject(there);
    expect((await post('after', { 'idempotency-state': 'done' })).body).toMatchObject({ earlierId: id });
    expect((await post('after')).status).toBe(422);
    await api.database.pool.query(`UPDATE idempotency_keys SET created_at = created_at - interval '721 hours'`);
    await purgeExpiredKeys(api.database.pool, 720);
    expect(await post('after', { 'idempotency-state': 'open' })).toMatchObject(there);
    for (const headers of [{ 'idempotency-state': 'x' }, { 'idempotency-key': key, 'idempotency-state': 'é' }]) {
      expect((await api.request('POST', '/tasks', { description: 'refused' }, headers)).status).toBe(400);
    }
  });

  it('with Keep-Idempotency-Key, a key that is just being purged is known for ever, and so is one of an earlier spelling', async () => {
    const { pool } = api.database;
    const age = () => pool.query(`UPDATE idempotency_keys SET created_at = created_at - interval '721 hours'`);
    const post = (header: string, more: Record<string, string> = {}) =>
      api.request('POST', '/tasks', { description: 'once' }, { 'idempotency-key': header, ...more });
    const keep = { 'keep-idempotency-key': 'true' };
    const forget = async () => {
      await age();
      await purgeExpiredKeys(pool, 720);
    };

    const key = uuidv7();
    const first = await post(key);
    await age();
    const purging = await pool.connect();
    await purging.query('BEGIN');
    await purgeExpiredKeys(purging, 720);
    let isAnswered = false;
    const waiting = post(key, keep).finally(() => (isAnswered = true));
    await waitFor('the request to wait for the purge, or its answer', async () => {
      const { rowCount } = await pool.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return isAnswered || rowCount === 1;
    });
    await purging.query('COMMIT');
    purging.release();
    expect((await waiting).body.task).toEqual(first.body.task);
    await forget();
    expect((await post(key)).body.task.id).toBe(first.body.task.id);

    // As a version before 0.2.0 stored it, the quotes with it.
    const spelled = uuidv7();
    const earlier = await post(String.raw`"\"${spelled}\""`);
    expect((await post(`"${spelled}"`, keep)).body.task).toEqual(earlier.body.task);
    await forget();
    expect((await post(`"${spelled}"`)).body.task.id).toBe(earlier.body.task.id);
  });

  it('fails as a whole where the database is away, and waits once for a row that somebody holds locked', async () => {
    const waiting = await startTestApi({ databaseEnv: { DATABASE_STATEMENT_TIMEOUT_MS: '2000' } });
    const post = (operations: readonly unknown[]) => waiting.request('POST', '/tasks/batch', { operations });
    const somebody = await waiting.database.pool.connect();
    try {
      const { id } = (await waiting.request('POST', '/tasks', { description: 'held' })).body.task;
      await somebody.query('BEGIN');
      await somebody.query('SELECT FROM tasks WHERE id = $1 FOR UPDATE', [id]);
      const startedAt = performance.now();
      const patches = Array.from({ length: 200 }, () => ({ op: 'patch', id, task: { isDone: true } }));
      const { status, text } = await post([...patches, { op: 'create', task: { description: 'free' } }]);
      expect(status).toBe(200);
      const { outcomes } = JSON.parse(text) as { outcomes: Outcome[] };
      expect(outcomes.map(({ status: each }) => each)).toEqual([...patches.map(() => 503), 201]);
      expect(performance.now() - startedAt).toBeLessThan(60_000);
      await somebody.query('COMMIT');
      await somebody.query('BEGIN; LOCK TABLE tasks');
      const refused = await post([patches[0], { op: 'create', task: { description: 'not now' } }]);
      expect([refused.status, refused.body.code]).toEqual([503, 'database_unavailable']);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    } finally {
      await somebody.query('ROLLBACK');
      somebody.release();
      await waiting.close();
    }
  }, 120_000);

  it('keeps no room from other requests with bodies that it is promised and not sent', async () => {
    const head =
      'POST /tasks/batch HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1048576\r\n\r\n{';
    const { hostname, port } = new URL(api.url);
    const sockets = Array.from({ length: 70 }, () => connect(Number(port), hostname));
    try {
      for (const socket of sockets) {
        socket.on('error', () => undefined);
        socket.write(head);
      }
      // Those past the bound are answered: six, if all bodies had one room of 64 MiB.
      await waitFor('some of them to be refused', () => sockets.filter(({ bytesRead }) => bytesRead > 0).length >= 6);
      expect((await api.request('POST', '/tasks', { description: 'x' })).status).toBe(201);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
    const one = { operations: [{ op: 'create', task: { description: 'y' } }] };
    await waitFor('their room', async () => (await api.request('POST', '/tasks/batch', one)).status === 200);
  });

  it('takes 500 operations and 1 MiB, and says what is more', async () => {
    const operation = { op: 'create', task: { description: 'x'.repeat(1_900) } };
    const outcomes = await batch(Array.from({ length: 500 }, () => operation));
    expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set([201]));
    const send = async (operations: readonly unknown[]) =>
      (await api.request('POST', '/tasks/batch', { operations })).body;
    expect((await send(Array.from({ length: 501 }, () => ({ op: 'delete' })))).error).toContain('more than 500');
    expect((await send([])).error).toContain('one operation at least');
    const large = { op: 'create', task: { description: 'x'.repeat(3_900) } };
    expect((await send(Array.from({ length: 300 }, () => large))).code).toBe('payload_too_large');
    const long = { 'idempotency-key': 'k'.repeat(252) };
    expect((await api.request('POST', '/tasks/batch', { operations: [operation] }, long)).status).toBe(400);
    expect((await api.request('POST', '/tasks', operation.task.description.repeat(40))).status).toBe(413);
  });
});
