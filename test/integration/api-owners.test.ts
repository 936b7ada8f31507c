import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { boundOf, type Actor } from '../../services/platform/auth/actor.ts';
import { COMMON_ORDERS } from '../../services/pipeline/index/search.ts';
import { facetsOf, ordersOf } from '../../services/pipeline/field.ts';
import { taskFields } from '../../services/task/fields.ts';
import { startTestApi, type Answer, type TestApi } from '../support/api.ts';
import { authenticationBy, createKey, startIssuer, type SigningKey, type TestIssuer } from '../support/issuer.ts';
import { creationOf, searchFor, TEXT_FIELD, updateOf } from '../support/sample.ts';

let issuer: TestIssuer;
let key: SigningKey;
let api: TestApi;

beforeAll(async () => {
  [issuer, key] = [await startIssuer(), await createKey('first')];
  issuer.publish(key);
  api = await startTestApi({ authentication: authenticationBy(issuer) });
});
afterAll(async () => {
  await api.close();
  await issuer.close();
});

type Headers = Readonly<Record<string, string>>;
type Caller = (method: string, path: string, body?: unknown, headers?: Headers) => Promise<Answer>;

const callerOf = async (sub: string, more = ''): Promise<Caller> => {
  const token = await issuer.token(key, { sub, scope: `tasks:read tasks:write ${more}` });
  return (method, path, body, headers = {}) =>
    api.request(method, path, body, { authorization: `Bearer ${token}`, ...headers });
};

const created = async (call: Caller, description: string, more: object = {}) => {
  const answer = await call('POST', '/tasks', { ...creationOf(description), ...more });
  expect([answer.status, answer.text]).toEqual([201, answer.text]);
  return answer.body.task;
};

/** All that the index is to know, as the indexer would write it. */
const indexAll = async (): Promise<void> => {
  const { rows } = await api.database.pool.query<{ id: string; version: string; json: string }>(
    'SELECT id, version, task_json(tasks) AS json FROM tasks',
  );
  const { client, alias } = api.index;
  const operations = rows.flatMap(({ id, version, json }) => [
    { index: { _id: id, version: Number(version), version_type: 'external_gte' as const } },
    JSON.parse(json) as object,
  ]);
  expect((await client.bulk({ index: alias, refresh: true, operations })).errors).toBe(false);
};

describe('what another owns', () => {
  /** A call of each operation that is about the task `id`, or could show it. */
  const callsAbout = (id: string): Readonly<Record<string, readonly unknown[]>> => ({
    'POST /tasks': [creationOf('of grace')],
    'GET /tasks': [undefined],
    'POST /tasks/search': [{}, searchFor('secret'), { facets: facetsOf(taskFields), sort: 'created' }],
    'POST /tasks/batch': [
      {
        operations: [
          { op: 'update', id, task: updateOf('taken') },
          { op: 'patch', id, ifMatch: '*', task: { [TEXT_FIELD]: 'taken' } },
          { op: 'delete', id },
        ],
      },
    ],
    'GET /tasks/{id}': [undefined],
    'PUT /tasks/{id}': [updateOf('taken')],
    'PATCH /tasks/{id}': [{ [TEXT_FIELD]: 'taken' }, { owner: 'grace' }],
    'DELETE /tasks/{id}': [undefined],
  });

  it('no call of the document shows, counts or changes', async () => {
    const [ada, grace] = [await callerOf('ada'), await callerOf('grace')];
    const task = await created(ada, 'secret of ada');
    expect(task.owner).toBe('ada');
    await indexAll();
    const before = await api.database.pool.query('SELECT * FROM tasks WHERE id = $1', [task.id]);
    const { paths } = JSON.parse((await api.request('GET', '/openapi.json')).text) as { paths: object };
    const calls = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods as object).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const about = callsAbout(task.id);
    expect(Object.keys(about).sort()).toEqual(calls.sort());
    for (const [call, bodies] of Object.entries(about)) {
      const [method = '', path = ''] = call.split(' ');
      for (const body of bodies) {
        const { status, text, body: said } = await grace(method, path.replace('{id}', task.id), body);
        const told = text.replaceAll(`There is no task ${task.id}`, '').replaceAll(`/tasks/${task.id}`, '');
        expect([call, body, told]).toEqual([
          call,
          body,
          expect.not.stringMatching(new RegExp(`secret|ada|${task.id}`)),
        ]);
        if (path.includes('{id}')) expect([call, body, status]).toEqual([call, body, 404]);
        if (path.endsWith('search')) expect([call, said.total, said.tasks]).toEqual([call, 0, []]);
        if (path.endsWith('batch')) expect(text.match(/"status":404/g)?.length).toBe(6);
      }
    }
    const after = await api.database.pool.query('SELECT * FROM tasks WHERE id = $1', [task.id]);
    expect(after.rows).toEqual(before.rows);
    // Its owner is shown it.
    expect((await ada('GET', `/tasks/${task.id}`)).body.task).toEqual(task);
    expect((await ada('POST', '/tasks/search', searchFor('secret'))).body.tasks).toEqual([task]);
  });

  it('is missing where statements gather changes of several owners, whoever has it locked', async () => {
    const callers = await Promise.all(['ada', 'grace', 'edsger'].map((name) => callerOf(name)));
    const tasks = await Promise.all(
      Array.from({ length: 30 }, async (_, n) => created(callers[n % 3] ?? (await callerOf('ada')), `number ${n}`)),
    );
    // Each changes all, at once: the statements have rows of all three.
    const answers = await Promise.all(
      tasks.flatMap(({ id }, n) =>
        callers.map(async (call, caller) => {
          const { status } = await call('PATCH', `/tasks/${id}`, { [TEXT_FIELD]: `by ${caller}` });
          return [n % 3 === caller, status] as const;
        }),
      ),
    );
    expect(new Set(answers.map(([isOwn, status]) => `${isOwn} ${status}`))).toEqual(new Set(['true 200', 'false 404']));
    const now = await Promise.all(
      tasks.map(async ({ id }, n) => (await callers[n % 3]?.('GET', `/tasks/${id}`))?.body),
    );
    expect(now.map((body) => [body?.task[TEXT_FIELD], body?.task.version])).toEqual(
      tasks.map((_, n) => [`by ${n % 3}`, 2]),
    );
    // A lock that its owner would wait for is none of another's.
    const [task] = tasks;
    const somebody = await api.database.pool.connect();
    try {
      await somebody.query('BEGIN');
      await somebody.query('SELECT FROM tasks WHERE id = $1 FOR UPDATE', [task?.id]);
      const waits = callers[0]?.('PATCH', `/tasks/${task?.id}`, { [TEXT_FIELD]: 'waits' });
      // Until it has its place among those that wait.
      await delay(100);
      const startedAt = performance.now();
      expect((await callers[1]?.('DELETE', `/tasks/${task?.id}`))?.status).toBe(404);
      expect((await callers[1]?.('PATCH', `/tasks/${task?.id}`, { [TEXT_FIELD]: 'x' }))?.status).toBe(404);
      await somebody.query('ROLLBACK');
      const refusedMs = performance.now() - startedAt;
      expect((await waits)?.status).toBe(200);
      // The owner had to wait for the lock, nobody else: had they, they would be behind it until it gives up, 10 s.
      expect(refusedMs).toBeLessThan(5_000);
    } finally {
      await somebody.query('ROLLBACK');
      somebody.release();
    }
  });

  it('is not locked, nor written to, for whoever asks to change it', async () => {
    const [ada, grace] = [await callerOf('ada'), await callerOf('grace')];
    const { id } = await created(ada, 'untouched');
    const lockedBy = async () =>
      (await api.database.pool.query<{ xmax: string }>('SELECT xmax::text FROM tasks WHERE id = $1', [id])).rows;
    const before = await lockedBy();
    const batch = {
      operations: [
        { op: 'patch', id, task: { [TEXT_FIELD]: 'taken' } },
        { op: 'delete', id },
      ],
    };
    await Promise.all([
      grace('PATCH', `/tasks/${id}`, { [TEXT_FIELD]: 'taken' }),
      grace('DELETE', `/tasks/${id}`),
      grace('POST', '/tasks/batch', batch),
    ]);
    expect(await lockedBy()).toEqual(before);
  });

  it('neither pages nor their cursors show', async () => {
    const [ada, grace, admin] = [
      await callerOf('page-a'),
      await callerOf('page-g'),
      await callerOf('root', 'tasks:admin'),
    ];
    for (let n = 0; n < 5; n += 1) {
      await created(ada, `page of ada ${n}`);
      await created(grace, `page of grace ${n}`);
    }
    await indexAll();
    const all = async (call: Caller, first?: string | null): Promise<string[]> => {
      const shown: string[] = [];
      let cursor = first;
      do {
        const { body } = await call('GET', `/tasks?limit=2${cursor ? `&cursor=${cursor}` : ''}`);
        shown.push(...body.tasks.map(({ owner }) => String(owner)));
        cursor = body.nextCursor;
      } while (cursor !== null);
      return shown;
    };
    expect(await all(ada)).toEqual(Array(5).fill('page-a'));
    const ofAdmin = (await admin('GET', '/tasks?limit=2')).body.nextCursor;
    expect(new Set(await all(ada, ofAdmin))).toEqual(new Set(['page-a']));

    const search = (call: Caller, body: object) =>
      call('POST', '/tasks/search', { ...searchFor('page'), size: 2, ...body });
    for (const sort of [...COMMON_ORDERS, ...Object.keys(ordersOf(taskFields))]) {
      const { body } = await search(ada, { sort });
      expect([sort, body.total, body.tasks.map(({ owner }) => owner)]).toEqual([sort, 5, ['page-a', 'page-a']]);
      expect((await search(grace, { sort, cursor: body.nextCursor })).body.code).toBe('cursor_invalid');
    }
    const { facets } = JSON.parse((await search(ada, { facets: facetsOf(taskFields) })).text) as {
      facets: Record<string, { count: number }[]>;
    };
    for (const counts of Object.values(facets))
      expect(counts.reduce((sum, { count }) => sum + count, 0)).toBeLessThan(6);
  });

  it('has idempotency keys of its own', async () => {
    const [ada, grace] = [await callerOf('ada'), await callerOf('grace')];
    const send = (call: Caller, headers: Headers = { 'idempotency-key': 'the-same' }) =>
      call('POST', '/tasks', creationOf('the same'), headers);
    const [first, second] = [await send(ada), await send(grace)];
    expect([first.status, second.status, second.headers.get('idempotent-replayed')]).toEqual([201, 201, null]);
    expect(second.body.task).toMatchObject({ owner: 'grace' });
    expect(second.body.task.id).not.toBe(first.body.task.id);
    expect((await send(ada)).body.task).toEqual(first.body.task);
    // At once, as the gatherer keeps equal keys apart.
    const both = await Promise.all(
      [ada, grace].flatMap((call) => [0, 1].map(() => send(call, { 'idempotency-key': 'at-once' }))),
    );
    expect(new Set(both.map(({ body }) => body.task.id)).size).toBe(2);
    // What an administrator has made for somebody is nothing that it is told without that scope.
    const [admin, root] = [await callerOf('root', 'tasks:admin'), await callerOf('root')];
    const forGrace = await admin('POST', '/tasks', { ...creationOf('x'), owner: 'grace' }, { 'idempotency-key': 'k' });
    expect(forGrace.body.task.owner).toBe('grace');
    expect((await root('POST', '/tasks', creationOf('y'), { 'idempotency-key': 'k' })).body.task.owner).toBe('root');
    // Another body is known to be one of the caller's only.
    const other = await grace('POST', '/tasks', creationOf('x'), { 'idempotency-key': 'the-same' });
    expect([other.status, (other.body as unknown as { earlierId: string }).earlierId]).toEqual([
      422,
      second.body.task.id,
    ]);
  });
});

describe('an owner', () => {
  it('is named by administrators alone', async () => {
    const [ada, admin] = [await callerOf('ada'), await callerOf('root', 'tasks:admin')];
    const refused = { status: 400, body: { code: 'validation_failed', errors: [{ path: 'owner' }] } };
    const own = await created(ada, 'own', { owner: 'ada' });
    for (const [method, path, body] of [
      ['POST', '/tasks', { ...creationOf('x'), owner: 'grace' }],
      ['PATCH', `/tasks/${own.id}`, { owner: 'grace' }],
      ['PATCH', `/tasks/${own.id}`, { owner: null }],
      ['POST', '/tasks/search', { owner: 'grace' }],
    ] as const) {
      expect([path, await ada(method, path, body)]).toMatchObject([path, refused]);
    }
    const batch = await ada('POST', '/tasks/batch', {
      operations: [
        { op: 'create', task: { ...creationOf('x'), owner: 'grace' } },
        { op: 'patch', id: own.id, task: { owner: 'grace' } },
        { op: 'patch', id: own.id, task: { owner: 'ada', [TEXT_FIELD]: 'still own' } },
      ],
    });
    expect(JSON.parse(batch.text)).toMatchObject({
      outcomes: [
        { status: 400, problem: { errors: [{ path: 'operations.0.task.owner' }] } },
        { status: 400, problem: { errors: [{ path: 'operations.1.task.owner' }] } },
        { status: 200, task: { owner: 'ada', [TEXT_FIELD]: 'still own' } },
      ],
    });

    expect((await created(admin, 'for grace', { owner: 'grace' })).owner).toBe('grace');
    expect((await created(admin, 'of root')).owner).toBe('root');
    const given = await admin('PATCH', `/tasks/${own.id}`, { owner: 'grace' });
    expect([given.status, given.body.task.owner]).toEqual([200, 'grace']);
    expect((await ada('GET', `/tasks/${own.id}`)).status).toBe(404);
    expect((await ada('PATCH', `/tasks/${own.id}`, { [TEXT_FIELD]: 'x' })).status).toBe(404);
    await indexAll();
    const found = await admin('POST', '/tasks/search', { ...searchFor('still own'), owner: 'grace' });
    expect(found.body.tasks).toMatchObject([{ id: own.id, owner: 'grace' }]);
    // Nobody's: rows of before are there for administrators alone.
    expect((await admin('PATCH', `/tasks/${own.id}`, { owner: null })).body.task.owner).toBe(null);
    for (const call of [ada, await callerOf('grace')]) expect((await call('GET', `/tasks/${own.id}`)).status).toBe(404);
  });

  it('is the claim that the settings name', async () => {
    const tenants = await startTestApi({
      authentication: authenticationBy(issuer, { AUTH_OWNER_CLAIM: 'tenant' }),
    });
    try {
      const bearer = async (claims: object) => ({
        authorization: `Bearer ${await issuer.token(key, { ...claims })}`,
      });
      const answer = await tenants.request(
        'POST',
        '/tasks',
        creationOf('x'),
        await bearer({ sub: 'a', tenant: 'acme' }),
      );
      expect(answer.body.task.owner).toBe('acme');
      const path = `/tasks/${answer.body.task.id}`;
      const read = async (claims: object) =>
        (await tenants.request('GET', path, undefined, await bearer(claims))).status;
      expect(await read({ sub: 'b', tenant: 'acme' })).toBe(200);
      expect(await read({ sub: 'a', tenant: 'other' })).toBe(404);
      for (const tenant of [null, '', 7, ['acme'], 'a\nb', 'x'.repeat(256)]) {
        expect([tenant, await read({ sub: 'a', tenant })]).toEqual([tenant, 401]);
      }
    } finally {
      await tenants.close();
    }
  });

  it('has a limit of requests of its own, and so have those whom nobody knows', async () => {
    const limited = await startTestApi({
      rateLimitPerMinute: 3,
      authentication: authenticationBy(issuer),
    });
    try {
      const statuses = async (headers: Headers) => {
        const answers = [];
        for (let n = 0; n < 4; n += 1) answers.push(await limited.request('GET', '/tasks', undefined, headers));
        return answers.map(({ status }) => status);
      };
      for (const sub of ['ada', 'grace']) {
        const authorization = `Bearer ${await issuer.token(key, { sub })}`;
        expect([sub, await statuses({ authorization })]).toEqual([sub, [200, 200, 200, 429]]);
      }
      const known = { authorization: `Bearer ${await issuer.token(key, { sub: 'known' })}` };
      expect((await limited.request('GET', '/tasks', undefined, known)).status).toBe(200);
      expect(await statuses({ authorization: 'Bearer forged' })).toEqual([401, 401, 401, 429]);
      // From then on no signature of an unknown token from there is judged; whoever is known goes on.
      expect((await limited.request('GET', '/tasks', undefined, known)).status).toBe(200);
      expect((await statuses({ authorization: `Bearer ${await issuer.token(key, { sub: 'new' })}` }))[0]).toBe(429);
    } finally {
      await limited.close();
    }
  });
});

it('an actor without an owner is bound to none only where it is an administrator', () => {
  const actors: readonly Actor[] = [
    { owner: 'ada', isAdmin: false },
    { owner: 'ada', isAdmin: true },
    { owner: undefined, isAdmin: true },
  ];
  expect(actors.map(boundOf)).toEqual(['ada', undefined, undefined]);
});
