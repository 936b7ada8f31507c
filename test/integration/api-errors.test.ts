import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { ANYBODY } from '../../services/platform/auth/actor.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { createHttpProxy, type ProxyAnswer } from '../support/http-proxy.ts';
import { ODD_ANSWERS } from '../support/odd-answers.ts';
import { createTcpProxy } from '../support/tcp-proxy.ts';
import { createCommand } from '../support/task.ts';
import { updateOf } from '../support/sample.ts';
import { waitFor } from '../support/wait.ts';

let api: TestApi;

beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

const json = { 'content-type': 'application/json' };
const full = { description: 'x', priority: 'none', dates: {}, isDone: false };

describe('every error', () => {
  const id = uuidv7();
  const deep = Buffer.from(JSON.stringify({ query: 'other', after: [1, 'x'] })).toString('base64url');
  it.each<[number, string, string, string, unknown, Record<string, string>]>([
    [400, 'malformed_json', 'POST', '/tasks', '{"description":', json],
    [400, 'validation_failed', 'POST', '/tasks', '[]', json],
    [400, 'validation_failed', 'POST', '/tasks', {}, {}],
    [400, 'validation_failed', 'POST', '/tasks', { description: '   ' }, {}],
    [400, 'validation_failed', 'POST', '/tasks', { description: 'x'.repeat(4_001) }, {}],
    [400, 'validation_failed', 'POST', '/tasks', { description: 'a\0b' }, {}],
    [400, 'validation_failed', 'POST', '/tasks', '{"description":"\\ud800"}', json],
    [400, 'validation_failed', 'POST', '/tasks', { description: 'x', priority: 'urgent' }, {}],
    [400, 'validation_failed', 'POST', '/tasks', { description: 'x', prioritty: 'low' }, {}],
    [400, 'validation_failed', 'POST', '/tasks', '{"description":"x","__proto__":{"a":1}}', json],
    [400, 'validation_failed', 'POST', '/tasks', { description: 'x', dates: { due: 'tomorrow' } }, {}],
    [400, 'validation_failed', 'POST', '/tasks', { description: 'x', dates: { due: '0000-01-01T00:00:00Z' } }, {}],
    [
      400,
      'validation_failed',
      'POST',
      '/tasks',
      { description: 'x', dates: { start: '2026-01-02T00:00:00Z', due: '2026-01-01T00:00:00Z' } },
      {},
    ],
    [400, 'validation_failed', 'POST', '/tasks', { description: 'x' }, { 'idempotency-key': 'a b' }],
    [400, 'validation_failed', 'GET', '/tasks/not-a-uuid', undefined, {}],
    [400, 'validation_failed', 'GET', '/tasks?limit=0', undefined, {}],
    [400, 'validation_failed', 'GET', '/tasks?limit=101', undefined, {}],
    [400, 'validation_failed', 'GET', '/tasks?limit=1&limit=2', undefined, {}],
    [400, 'validation_failed', 'GET', '/tasks?page=2', undefined, {}],
    [400, 'cursor_invalid', 'GET', '/tasks?cursor=nonsense', undefined, {}],
    [400, 'validation_failed', 'PUT', `/tasks/${id}`, { description: 'x' }, {}],
    [400, 'validation_failed', 'PUT', `/tasks/${id}`, full, { 'if-match': '3' }],
    [400, 'validation_failed', 'POST', '/tasks/search', { from: -1 }, {}],
    [400, 'validation_failed', 'POST', '/tasks/search', { size: 101 }, {}],
    [400, 'validation_failed', 'POST', '/tasks/search', { from: 1, cursor: deep }, {}],
    [400, 'page_too_deep', 'POST', '/tasks/search', { from: 9_991, size: 10 }, {}],
    [400, 'cursor_invalid', 'POST', '/tasks/search', { cursor: deep }, {}],
    [404, 'task_not_found', 'GET', `/tasks/${id}`, undefined, {}],
    [404, 'task_not_found', 'PUT', `/tasks/${id}`, full, {}],
    [404, 'task_not_found', 'DELETE', `/tasks/${id}`, undefined, { 'if-match': '"1"' }],
    [404, 'route_not_found', 'GET', '/nothing/here', undefined, {}],
    [405, 'method_not_allowed', 'POST', `/tasks/${id}`, undefined, {}],
    [405, 'method_not_allowed', 'GET', '/tasks/search', undefined, {}],
    [405, 'method_not_allowed', 'PUT', '/tasks/search', full, {}],
    [413, 'payload_too_large', 'POST', '/tasks', { description: 'x'.repeat(70_000) }, {}],
    [
      415,
      'unsupported_media_type',
      'POST',
      '/tasks',
      'description=x',
      { 'content-type': 'application/x-www-form-urlencoded' },
    ],
    [415, 'unsupported_media_type', 'POST', '/tasks', '{}', { 'content-type': 'application/json; charset=latin1' }],
    [415, 'unsupported_media_type', 'PATCH', `/tasks/${id}`, '[]', { 'content-type': 'application/json-patch+json' }],
    [
      415,
      'unsupported_media_type',
      'POST',
      '/tasks',
      '{}',
      { 'content-type': 'application/json; a=b; charset=utf-16' },
    ],
    [415, 'unsupported_media_type', 'POST', '/tasks', { description: 'x' }, { 'content-encoding': 'gzip' }],
  ])('%i %s: %s %s', async (status, code, method, path, body, headers) => {
    const answer = await api.request(method, path, body, headers);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.body).toMatchObject({
      type: `urn:taskstream:problem:${code}`,
      status,
      instance: path.split('?')[0],
      requestId: answer.headers.get('x-request-id'),
    });
    expect(answer.body.error).toBe(answer.body.detail);
  });

  it.each([
    'application/json;',
    'Application/JSON ; Charset="UTF-8"',
    'application/problem+json; odata=verbose; charset=utf-8',
  ])('and none for a Content-Type that means JSON in UTF-8: %s', async (type) => {
    const answer = await api.request('POST', '/tasks', { description: 'any' }, { 'content-type': type });
    expect(answer.status).toBe(201);
  });

  it.each([
    [201, 100],
    [413, 70_000],
  ])(
    'and the right answer: %i for a body in chunks, whose length nobody says, of %i characters',
    async (status, length) => {
      const json = Buffer.from(JSON.stringify({ description: 'x'.repeat(length) }));
      const middle = Math.floor(json.length / 2);
      const body = ReadableStream.from([json.subarray(0, middle), json.subarray(middle)]);
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`${api.url}/tasks`, { method: 'POST', headers, body, duplex: 'half' });
      expect(answer.status).toBe(status);
    },
  );

  it('of validation names the field', async () => {
    const answer = await api.request('POST', '/tasks', { description: 'x', dates: { due: 'soon' }, colour: 'red' });
    expect(answer.body.errors.map(({ path }) => path)).toContain('dates.due');
    expect(answer.body.error).toContain('colour');
    const list = await api.request('POST', '/tasks', []);
    expect(list.body.detail).toBe('body: must be an object.');
  });

  it.each([
    ['PATCH', '/tasks', ['GET', 'HEAD', 'POST']],
    ['DELETE', '/tasks/search', ['POST']],
    ['POST', `/tasks/${id}`, ['DELETE', 'GET', 'HEAD', 'PATCH', 'PUT']],
    ['POST', '/docs', ['GET', 'HEAD']],
  ])('of the wrong method %s for %s says which ones there are', async (method, path, methods) => {
    const answer = await api.request(method, path);
    expect([answer.status, answer.headers.get('allow')?.split(', ').sort()]).toEqual([405, methods]);
  });

  it('says in words what is wrong, once for each mistake', async () => {
    const { body } = await api.request('POST', '/tasks', {
      priority: 'urgent',
      dates: { start: 'x', due: 'y' },
      tags: [1],
      colour: 'red',
      size: 'small',
    });
    const time = 'must be an RFC 3339 date and time with offset, such as 2026-03-01T09:00:00Z';
    expect(body.errors).toEqual([
      { path: 'description', message: 'is required' },
      { path: 'priority', message: 'must be one of none, low, medium, high' },
      { path: 'dates.start', message: time },
      { path: 'dates.due', message: time },
      { path: 'tags.0', message: 'must be text' },
      { path: 'colour', message: 'is not known' },
      { path: 'size', message: 'is not known' },
    ]);
    const search = await api.request('POST', '/tasks/search', { from: 1e17, size: 1e17 });
    const most = `must not be above ${Number.MAX_SAFE_INTEGER}`;
    expect(search.body.errors).toEqual(['from', 'size'].map((path) => ({ path, message: most })));
  });

  it('of an unknown query parameter names it', async () => {
    const answer = await api.request('GET', '/tasks?page=2');
    expect(answer.body.error).toBe('query.page: is not known.');
  });

  it.each([
    [400, 'what is not HTTP', 'hello\r\n\r\n'],
    [
      400,
      'two lengths',
      'POST /tasks HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    [431, 'a path without end', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`],
  ])('of the protocol is %i with problem details, and the connection ends: %s', async (status, _, bytes) => {
    const [head, body] = (await exchange(Number(new URL(api.url).port), bytes)).split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*content-type: application/problem\\+json`));
    expect(JSON.parse(body ?? '')).toMatchObject({ status });
  });

  it('of a body that is too large is given also when its length is not announced', async () => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const sent = httpRequest(`${api.url}/tasks`, { method: 'POST', headers: json }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      sent.on('error', reject);
      sent.write(`{"description":"${'x'.repeat(40_000)}`);
      sent.end(`${'x'.repeat(40_000)}"}`);
    });
    expect(status).toBe(413);
  });

  it('of the rate limit says when to come back', async () => {
    const limited = await startTestApi({ rateLimitPerMinute: 3 });
    try {
      const answers = [];
      for (let i = 0; i < 4; i += 1) answers.push(await limited.request('GET', '/tasks'));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429]);
      expect(answers[3]?.body.code).toBe('rate_limited');
      expect(Number(answers[3]?.headers.get('retry-after'))).toBeGreaterThan(0);
    } finally {
      await limited.close();
    }
  });
});

describe('an outage', () => {
  it('of PostgreSQL is 503 with Retry-After, and over as soon as it is back', async () => {
    const proxy = await createTcpProxy(Number(new URL(inject('databaseUrl')).port));
    const cut = await startTestApi({ databasePort: proxy.port });
    try {
      expect((await cut.request('POST', '/tasks', { description: 'before' })).status).toBe(201);
      proxy.cut();
      for (const [method, path, body] of [
        ['GET', '/tasks', undefined],
        ['POST', '/tasks', { description: 'during' }],
      ] as const) {
        const answer = await cut.request(method, path, body);
        expect(answer).toMatchObject({ status: 503, body: { code: 'database_unavailable' } });
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      }
      proxy.restore();
      await waitFor(
        'writes',
        async () => (await cut.request('POST', '/tasks', { description: 'after' })).status === 201,
      );
    } finally {
      await cut.close();
      await proxy.close();
    }
  });

  /** Statements that begin and end each, for `role` and `database`. */
  const FAULTS: readonly (readonly [what: string, begin: string, end: string])[] = [
    ['a role that may not log in', 'ALTER ROLE role NOLOGIN', 'ALTER ROLE role LOGIN'],
    ['another password', "ALTER ROLE role PASSWORD 'other'", "ALTER ROLE role PASSWORD 'role'"],
    ['no more connections', 'ALTER ROLE role CONNECTION LIMIT 0', 'ALTER ROLE role CONNECTION LIMIT -1'],
    [
      'a database that is closed',
      'ALTER DATABASE database ALLOW_CONNECTIONS false',
      'ALTER DATABASE database ALLOW_CONNECTIONS true',
    ],
    [
      'no such database',
      'ALTER DATABASE database RENAME TO gone_database',
      'ALTER DATABASE gone_database RENAME TO database',
    ],
  ];

  it('of PostgreSQL is 503 too where its administrator made it, and over once it is undone', async () => {
    const role = `app_${uuidv7().replaceAll('-', '')}`;
    const refused = await startTestApi({ databaseUser: role });
    const name = new URL(refused.database.url).pathname.slice(1);
    const administrate = async (statement: string, url = inject('databaseUrl')): Promise<void> => {
      const client = new Client({ connectionString: url });
      await client.connect();
      await client
        .query(statement.replaceAll(/\brole\b/g, role).replaceAll('database', name))
        .finally(() => client.end());
    };
    // The next call opens a connection, and a database that has one takes no other name.
    const disconnect = () =>
      administrate("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = 'role'");
    const post = () => refused.request('POST', '/tasks', { description: 'x' });
    try {
      await administrate("CREATE ROLE role LOGIN PASSWORD 'role'");
      await administrate('GRANT ALL ON ALL TABLES IN SCHEMA public TO role', refused.database.url);
      expect((await post()).status).toBe(201);
      for (const [what, begin, end] of FAULTS) {
        await disconnect();
        await administrate(begin);
        for (const answer of [await post(), await refused.request('GET', '/tasks')]) {
          expect(answer, what).toMatchObject({ status: 503, body: { code: 'database_unavailable' } });
          expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
        }
        await administrate(end);
        await waitFor(`writes after ${what}`, async () => (await post()).status === 201);
      }
      await administrate('REVOKE INSERT ON outbox FROM role', refused.database.url);
      expect(await post()).toMatchObject({ status: 503, body: { code: 'database_unavailable' } });
      expect((await refused.request('GET', '/tasks')).status).toBe(200);
    } finally {
      await refused.close();
      await administrate('DROP ROLE role');
    }
  });

  it.each([
    ['a server without TLS', undefined, { DATABASE_TLS: 'require' }],
    ['what is not PostgreSQL', '!\0\0\0\x04', {}],
    ['what is neither TLS nor PostgreSQL', 'hello', { DATABASE_TLS: 'require' }],
  ] as const)('of PostgreSQL is 503 where %s answers in its place', async (_, bytes, databaseEnv) => {
    const proxy = await createTcpProxy(Number(new URL(inject('databaseUrl')).port));
    if (bytes !== undefined) proxy.set({ kind: 'answer', bytes });
    const odd = await startTestApi({ databasePort: proxy.port, databaseEnv });
    try {
      const answer = await odd.request('POST', '/tasks', { description: 'x' });
      expect(answer).toMatchObject({ status: 503, body: { code: 'database_unavailable' } });
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    } finally {
      await odd.close();
      await proxy.close();
    }
  });

  it('of PostgreSQL that lasts a statement timeout fails all writes that wait at once, not one after the other', async () => {
    const timeoutMs = 2_000;
    const waiting = await startTestApi({ databaseEnv: { DATABASE_STATEMENT_TIMEOUT_MS: String(timeoutMs) } });
    const somebody = await waiting.database.pool.connect();
    try {
      await somebody.query('BEGIN; LOCK TABLE tasks');
      const startedAt = performance.now();
      const posts = Array.from({ length: 40 }, () => waiting.request('POST', '/tasks', { description: 'x' }));
      for (const answer of await Promise.all(posts)) {
        expect(answer).toMatchObject({ status: 503, body: { code: 'database_unavailable' } });
      }
      // Three statements with one write each, and one with all others: no more than two timeouts, of forty.
      expect(performance.now() - startedAt).toBeLessThan(20 * timeoutMs);
    } finally {
      await somebody.query('ROLLBACK');
      somebody.release();
      await waiting.close();
    }
  }, 120_000);

  it('of a row that somebody holds locked stops only its own update and deletion', async () => {
    const waiting = await startTestApi({ databaseEnv: { DATABASE_STATEMENT_TIMEOUT_MS: '2000' } });
    const { store } = waiting;
    const change = { actor: ANYBODY, traceparent: null, tracestate: null, expected: undefined };
    const { columns } = createCommand({ description: 'x' });
    const ids: string[] = [];
    for (let i = 0; i < 10; i += 1) ids.push((await store.create(createCommand({ description: 'x' }))).id);
    const locked = ids.at(-1) ?? '';
    const somebody = await waiting.database.pool.connect();
    try {
      await somebody.query('BEGIN');
      await somebody.query('SELECT FROM tasks WHERE id = $1 FOR UPDATE', [locked]);
      // All but the first few are in one statement.
      const refusals = async (changes: readonly Promise<unknown>[]) =>
        (await Promise.allSettled(changes)).map(({ status }, n) => [ids[n], status === 'rejected']);
      const expected = ids.map((id) => [id, id === locked]);
      expect(await refusals(ids.map((id) => store.update({ ...change, id, columns })))).toEqual(expected);
      // Two wait for the same row.
      const last = store.update({ ...change, id: locked, columns }).catch((error: unknown) => error);
      expect(await refusals(ids.map((id) => store.delete({ ...change, id })))).toEqual(expected);
      expect(await last).toMatchObject({ code: '57014' });
    } finally {
      await somebody.query('ROLLBACK');
      somebody.release();
      await waiting.close();
    }
  });

  it('of a few rows that somebody holds locked takes no slot from the changes of others', async () => {
    const waiting = await startTestApi();
    const create = async () => {
      const { body } = await waiting.request('POST', '/tasks', { description: 'x' });
      return (body as { readonly task: { readonly id: string } }).task.id;
    };
    const held = [await create(), await create(), await create(), await create()];
    const free = await create();
    const somebody = await waiting.database.pool.connect();
    try {
      await somebody.query('BEGIN');
      await somebody.query('SELECT FROM tasks WHERE id = ANY($1) FOR UPDATE', [held]);
      let released = false;
      const stuck = held.map(async (id, n) => {
        const answer = await (n % 2 === 0
          ? waiting.request('PUT', `/tasks/${id}`, updateOf('stuck'))
          : waiting.request('DELETE', `/tasks/${id}`));
        return [released, answer.status];
      });
      await delay(200);
      const missing = `/tasks/${uuidv7()}`;
      expect((await waiting.request('PUT', missing, updateOf('x'))).status).toBe(404);
      expect((await waiting.request('PUT', `/tasks/${free}`, updateOf('x'))).status).toBe(200);
      expect((await waiting.request('DELETE', `/tasks/${free}`)).status).toBe(204);
      released = true;
      await somebody.query('ROLLBACK');
      expect(await Promise.all(stuck)).toEqual([
        [true, 200],
        [true, 204],
        [true, 200],
        [true, 204],
      ]);
    } finally {
      somebody.release();
      await waiting.close();
    }
  });

  it('of two rows that somebody holds locked does not keep back a change of one that was locked for a moment', async () => {
    const waiting = await startTestApi();
    const create = async () => (await waiting.request('POST', '/tasks', { description: 'x' })).body.task.id;
    const [held, brief] = [[await create(), await create()], await create()];
    const [somebody, another] = [await waiting.database.pool.connect(), await waiting.database.pool.connect()];
    const lock = async (session: typeof somebody, ids: readonly string[]) => {
      await session.query('BEGIN');
      await session.query('SELECT FROM tasks WHERE id = ANY($1) FOR UPDATE', [ids]);
    };
    try {
      await lock(somebody, held);
      let answered = 0;
      const stuck = held.map(async (id) => {
        await waiting.request('PUT', `/tasks/${id}`, updateOf('stuck'));
        answered += 1;
      });
      await delay(500);
      await lock(another, [brief]);
      const change = waiting.request('PUT', `/tasks/${brief}`, updateOf('x'));
      await delay(100);
      await another.query('ROLLBACK');
      expect((await change).status).toBe(200);
      expect(answered).toBe(0);
      await somebody.query('ROLLBACK');
      await Promise.all(stuck);
    } finally {
      somebody.release();
      another.release();
      await waiting.close();
    }
  }, 120_000);

  it('of rows that somebody holds locked for long keeps back no change of one that is freed, nor changes the order of one', async () => {
    const waiting = await startTestApi();
    const create = async () => (await waiting.request('POST', '/tasks', { description: 'x' })).body.task.id;
    const [held, freed] = [
      [await create(), await create()],
      [await create(), await create()],
    ];
    const [somebody, another] = [await waiting.database.pool.connect(), await waiting.database.pool.connect()];
    const lock = async (session: typeof somebody, ids: readonly string[]) => {
      await session.query('BEGIN');
      await session.query('SELECT FROM tasks WHERE id = ANY($1) FOR UPDATE', [ids]);
    };
    try {
      await Promise.all([lock(somebody, held), lock(another, freed)]);
      const put = (id: string, words: string) => waiting.request('PUT', `/tasks/${id}`, updateOf(words));
      const stuck = held.map((id) => put(id, 'stuck'));
      await delay(500);
      const first = freed.map((id) => put(id, 'first'));
      await delay(500);
      const second = freed.map((id) => put(id, 'second'));
      await delay(500);
      await another.query('ROLLBACK');
      const answers = await Promise.all([...first, ...second]);
      expect(answers.map(({ status, body }) => [status, body.task.version])).toEqual([
        [200, 2],
        [200, 2],
        [200, 3],
        [200, 3],
      ]);
      await somebody.query('ROLLBACK');
      expect((await Promise.all(stuck)).map(({ status }) => status)).toEqual([200, 200]);
    } finally {
      somebody.release();
      another.release();
      await waiting.close();
    }
  }, 120_000);

  it('of a row that was locked for a moment makes no change of it slow afterwards', async () => {
    const waiting = await startTestApi();
    const somebody = await waiting.database.pool.connect();
    const change = { actor: ANYBODY, traceparent: null, tracestate: null, expected: undefined };
    try {
      const { id } = await waiting.store.create(createCommand({ description: 'x' }));
      await somebody.query('BEGIN');
      await somebody.query('SELECT FROM tasks WHERE id = $1 FOR UPDATE', [id]);
      let waits = 0;
      let most = 0;
      const changes: Promise<unknown>[] = [];
      for (let n = 0; n < 1_000; n += 1) {
        if (n === 20) await somebody.query('COMMIT');
        waits += 1;
        if (n > 200) most = Math.max(most, waits);
        const { columns } = createCommand({ description: `change ${n}` });
        changes.push(
          waiting.store.update({ ...change, id, columns }).finally(() => {
            waits -= 1;
          }),
        );
        await delay(5);
      }
      await Promise.all(changes);
      // As many as came while it was locked wait at most, and not ever more.
      expect(most).toBeLessThan(100);
      expect((await waiting.store.read(id, ANYBODY)).version).toBe(1_001);
    } finally {
      somebody.release();
      await waiting.close();
    }
  });

  it('of Elasticsearch is 503 too where something else answers in its place, and the breaker opens', async () => {
    let answer: ProxyAnswer | undefined;
    let asked = 0;
    const proxy = await createHttpProxy(inject('elasticsearchUrl'), {
      answer: () => {
        asked += 1;
        return answer;
      },
    });
    const faulty = await startTestApi({ elasticsearchUrl: proxy.url });
    const find = () => faulty.request('POST', '/tasks/search', {});
    try {
      for (const [what, odd] of ODD_ANSWERS) {
        await waitFor(`search before ${what}`, async () => (await find()).status === 200);
        answer = odd;
        const before = asked;
        let calls = 0;
        // A breaker that is open asks nobody.
        await waitFor(
          `the breaker to open for ${what}`,
          async () => {
            const found = await find();
            calls += 1;
            expect(found, what).toMatchObject({ status: 503, body: { code: 'search_unavailable' } });
            expect(Number(found.headers.get('retry-after'))).toBeGreaterThan(0);
            return asked - before < calls;
          },
          { timeoutMs: 10_000 },
        );
        answer = undefined;
      }
    } finally {
      await faulty.close();
      await proxy.close();
    }
  }, 90_000);

  it('of Elasticsearch, silent, gets one search at a time once more', async () => {
    let searches = 0;
    const proxy = await createHttpProxy(inject('elasticsearchUrl'), {
      before: (_, path) => {
        if (!path.includes('/_search?')) return Promise.resolve(true);
        searches += 1;
        return new Promise(() => undefined);
      },
    });
    const faulty = await startTestApi({ elasticsearchUrl: proxy.url, searchTimeoutMs: 5_000 });
    try {
      const answers = await Promise.all(Array.from({ length: 40 }, () => faulty.request('POST', '/tasks/search', {})));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
      expect(searches).toBeGreaterThan(40);
      // One more in each fifth of the time of those that came first and last.
      expect(searches).toBeLessThanOrEqual(50);
    } finally {
      await faulty.close();
      await proxy.close();
    }
  });

  it.each(['cut', 'blackHole'] as const)(
    'of Elasticsearch (%s) fails search alone; the breaker refuses at once, and closes by itself',
    async (fault) => {
      const proxy = await createTcpProxy(Number(new URL(inject('elasticsearchUrl')).port));
      const faulty = await startTestApi({
        elasticsearchUrl: `http://127.0.0.1:${proxy.port}`,
        searchTimeoutMs: 500,
      });
      const find = () => faulty.request('POST', '/tasks/search', {});
      try {
        await waitFor('search', async () => (await find()).status === 200);
        proxy[fault]();
        for (let i = 0; i < 6; i += 1) {
          const answer = await find();
          expect(answer).toMatchObject({ status: 503, body: { code: 'search_unavailable' } });
          expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
        }
        // The request's own timeout is 500 ms: the fastest of these, if not all, did not wait for it.
        const times: number[] = [];
        for (let i = 0; i < 3; i += 1) {
          const startedAt = performance.now();
          expect((await find()).status).toBe(503);
          times.push(performance.now() - startedAt);
        }
        expect(Math.min(...times)).toBeLessThan(400);
        expect((await faulty.request('GET', '/tasks')).status).toBe(200);
        proxy.restore();
        await waitFor('search', async () => (await find()).status === 200);
      } finally {
        await faulty.close();
        await proxy.close();
      }
    },
  );
});

/** Sends bytes, and returns all that came until the other side closed the connection. */
const exchange = (port: number, bytes: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    let received = '';
    socket.on('data', (chunk) => (received += chunk.toString()));
    socket.on('end', () => {
      resolve(received);
    });
    socket.on('error', reject);
  });
