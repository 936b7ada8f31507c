import { connect, Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectionEnv, LAST_REQUESTS_MS } from '../../services/platform/http/connections.ts';
import { readEnv } from '../../services/platform/env.ts';
import { hangUp, startLoneApi, type LoneApi } from '../support/lone-api.ts';
import { waitFor } from '../support/wait.ts';

let api: LoneApi;
beforeAll(async () => {
  api = await startLoneApi();
});
afterAll(() => api.close());

const HEAD = 'POST /tasks HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';

const silent = (port: number, bytes = '') =>
  new Promise<Socket>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(bytes);
      resolve(socket);
    });
    socket.on('error', reject);
  });
const received = async (socket: Socket): Promise<string> => {
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
};

describe('a client that hangs up', () => {
  it.each([
    ['of unknown length', `${HEAD}transfer-encoding: chunked\r\n\r\n5\r\n{"des\r\n`],
    ['of a length that it said', `${HEAD}content-length: 100\r\n\r\n{"des`],
  ])('in the middle of a body %s is 499, and no error of ours', async (_, bytes) => {
    const before = (await api.statuses())['499'] ?? 0;
    const logged = api.lines.length;
    await Promise.all(Array.from({ length: 20 }, () => hangUp(api.port, bytes, 50)));
    await waitFor('20 to be counted', async () => ((await api.statuses())['499'] ?? 0) === before + 20);
    expect(Object.keys(await api.statuses())).toEqual(['499']);
    expect(api.lines.slice(logged).map(({ level, status }) => [level, status])).toEqual(
      Array.from({ length: 20 }, () => [30, 499]),
    );
  });

  it('hides no outage: a database that is away is still 503 for whoever waits', async () => {
    const answer = await fetch(`${api.url}/tasks`);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: 'database_unavailable' });
    expect(api.lines.at(-1)).toMatchObject({ level: 50, status: 503 });
  });
});

describe('connections', () => {
  const config = (settings: Record<string, string>) => readEnv(connectionEnv, settings);
  it('stay open without a request for as long as it was set, and Node says so', async () => {
    const kept = await startLoneApi({}, config({ KEEP_ALIVE_TIMEOUT_MS: '61000' }));
    try {
      const { headers } = await fetch(`${kept.url}/docs`);
      expect(headers.get('keep-alive')).toBe('timeout=61');
    } finally {
      await kept.close();
    }
  });

  it.each([
    ['a silent connection', ''],
    ['headers that do not end', 'GET /docs HTTP/1.1\r\nhost: x\r\n'],
    ['a body that does not end', `${HEAD}content-length: 100\r\n\r\n{`],
  ])('end with 408 after a bounded time: %s', async (_, bytes) => {
    const times = config({ HEADERS_TIMEOUT_MS: '1000', REQUEST_TIMEOUT_MS: '1000' });
    const hurried = await startLoneApi({}, times);
    try {
      const startedAt = performance.now();
      expect(await received(await silent(hurried.port, bytes))).toMatch(/^HTTP\/1\.1 408 [^]*problem\+json/);
      expect(performance.now() - startedAt).toBeLessThan(10_000);
    } finally {
      await hurried.close();
    }
  });

  it('hold a bounded number of unfinished bodies: the oldest makes room, and whole requests are answered', async () => {
    const bounded = await startLoneApi({}, config({ MAX_UNFINISHED_BODIES: '3' }));
    try {
      const body = `${HEAD}content-length: 100\r\n\r\n{`;
      const sockets = [];
      for (let i = 0; i < 5; i += 1) {
        sockets.push(await silent(bounded.port, body));
        // In this order: an answer on another connection says that the server has seen this one.
        expect((await fetch(`${bounded.url}/docs`)).status).toBe(200);
      }
      const [first, second, ...others] = sockets;
      for (const socket of [first, second]) {
        expect(await received(socket ?? new Socket())).toMatch(/^HTTP\/1\.1 408 /);
      }
      for (const socket of others) {
        expect(socket.readableEnded).toBe(false);
        socket.destroy();
      }
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => fetch(`${bounded.url}/tasks`, { method: 'POST', body: '{}' })),
      );
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 415));
    } finally {
      await bounded.close();
    }
  });

  it('do not hold up a stop: neither one that never sent a byte nor a request that does not end', async () => {
    const stopping = await startLoneApi();
    const sockets = await Promise.all([
      silent(stopping.port),
      silent(stopping.port, 'GET /docs HTTP/1.1\r\n'),
      silent(stopping.port, `${HEAD}content-length: 100\r\n\r\n{`),
    ]);
    await waitFor('the connections', async () => (await fetch(`${stopping.url}/docs`)).ok);
    const startedAt = performance.now();
    await Promise.all([stopping.close(), ...sockets.map(received)].map((end) => end.catch(() => undefined)));
    expect(performance.now() - startedAt).toBeLessThan(LAST_REQUESTS_MS + 5_000);
  });
});

describe('what is wrong with the protocol', () => {
  const body = '{"description":"x"}';
  const chunked = (encoding: string, name = 'transfer-encoding') =>
    `${HEAD}${name}: ${encoding}\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  it('are given no refusal for the answer to a request that is at work: it may be done', async () => {
    const whole = 'GET /tasks HTTP/1.1\r\nhost: x\r\n\r\n';
    const text = await received(await silent(api.port, `${whole}BAD\r\n\r\n`));
    expect(text).not.toContain('400 Bad Request');
    expect(await received(await silent(api.port, 'BAD\r\n\r\n'))).toContain('400 Bad Request');
  });

  it.each([
    [400, 'no host', 'GET /docs HTTP/1.1\r\n\r\n'],
    [400, 'two hosts', 'GET /docs HTTP/1.1\r\nhost: x\r\nHost: y\r\n\r\n'],
    [400, 'a host that is none', 'GET /docs HTTP/1.1\r\nhost: a b\r\n\r\n'],
    [404, 'OPTIONS *', 'OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n'],
    [405, 'CONNECT', 'CONNECT x:80 HTTP/1.1\r\nhost: x\r\n\r\n'],
    [417, 'an unknown expectation', 'GET /docs HTTP/1.1\r\nhost: x\r\nexpect: the best\r\n\r\n'],
    [501, 'an encoding that is not undone', chunked('gzip, chunked')],
    [501, 'an encoding in two lines', chunked('gzip\r\ntransfer-encoding: chunked')],
    [400, 'bytes that are not HTTP', 'hello\r\n\r\n'],
  ])('is %i with problem details: %s', async (status, _, bytes) => {
    const [head, text] = (await received(await silent(api.port, bytes))).split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(head).toMatch(/^content-type: application\/problem\+json$/im);
    expect(head).toMatch(/^connection: close$/im);
    const problem = JSON.parse(text ?? '') as Record<string, unknown>;
    expect(problem).toMatchObject({ type: 'about:blank', status, error: problem['detail'] });
  });

  it.each([
    ['HTTP/1.0, which knows no hosts', 'GET /openapi.json HTTP/1.0\r\n\r\n', 200],
    [
      'chunked in any spelling',
      chunked('Chunked', 'Transfer-Encoding').replace(HEAD, `${HEAD}connection: close\r\n`),
      503,
    ],
  ])('is not taken for wrong: %s', async (_, bytes, status) => {
    expect(await received(await silent(api.port, bytes))).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  });
});
