import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import getPort from 'get-port';
import { afterEach, expect, it } from 'vitest';
import { HEALTH_CONNECTIONS } from '../../services/platform/http/health.ts';
import { sumOf } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';

const root = join(import.meta.dirname, '../..');
let api: ChildProcess | undefined;
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  api?.kill('SIGKILL');
});

/** An API whose servers are away, and which may open `files` files. */
const startApi = async (files: number) => {
  const [port, healthPort] = [await getPort(), await getPort()];
  const args = ['-c', `ulimit -n ${files} && exec "$0" --import tsx services/api/main.ts`, process.execPath];
  const child = spawn('sh', args, {
    cwd: root,
    env: {
      PATH: process.env['PATH'],
      HOST: '127.0.0.1',
      PORT: String(port),
      HEALTH_PORT: String(healthPort),
      DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing',
      KAFKA_BROKERS: '127.0.0.1:1',
      ELASTICSEARCH_URL: 'http://127.0.0.1:1',
      AUTH: 'none',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  api = child;
  // Each on a connection of its own: a kept one would need no descriptor any more.
  const health = (path: string) => fetch(`http://127.0.0.1:${healthPort}${path}`, { headers: { connection: 'close' } });
  return { child, port, healthPort, health };
};

it('answers for its health while silent connections take all that clients may have, and clients again after it', async () => {
  const { port, health } = await startApi(256);
  await waitFor('the API', async () => (await health('/livez')).ok);
  let closed = 0;
  for (let count = 0; count < 400; count += 1) {
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => undefined).on('close', () => (closed += 1));
    await once(socket, 'connect');
  }
  await waitFor('the surplus to be closed', () => closed > 300);
  for (let count = 0; count < 10; count += 1) expect((await health('/livez')).status).toBe(200);
  const dropped = async () =>
    sumOf(await (await health('/metrics')).text(), 'taskstream_http_connections_dropped_total');
  expect(await dropped()).toBeGreaterThan(300);
  expect(await dropped()).toBeLessThan(400);
  for (const socket of sockets.splice(0)) socket.destroy();
  await waitFor('a place', async () => (await fetch(`http://127.0.0.1:${port}/openapi.json`)).ok);
});

/** Opens a connection to a port every few milliseconds; each begins with `text`, reads nothing, and stays for half a second. */
const crowd = (port: number, text: string) => {
  let opened = 0;
  const timer = setInterval(() => {
    if (sockets.length >= 100) sockets.shift()?.destroy();
    const socket = connect(port, '127.0.0.1').pause();
    sockets.push(socket);
    socket.on('error', () => undefined).on('connect', () => (opened += 1));
    if (text !== '') socket.write(text);
  }, 5);
  return {
    opened: () => opened,
    stop: () => {
      clearInterval(timer);
    },
  };
};

it.each([
  ['that say nothing', ''],
  ['whose request never ends', 'GET /livez HTTP/1.1\r\n'],
  ['whose answer nobody reads', 'GET /livez HTTP/1.1\r\nhost: x\r\n\r\n'],
])('answers each probe however many connections somebody else opens %s', async (_, text) => {
  const { healthPort, health } = await startApi(256);
  await waitFor('the API', async () => (await health('/livez')).ok);
  const { opened, stop } = crowd(healthPort, text);
  await waitFor('the port to be full, and more', () => opened() > 3 * HEALTH_CONNECTIONS);
  try {
    for (let count = 0; count < 20; count += 1) expect((await health('/livez')).status).toBe(200);
  } finally {
    stop();
  }
});

it('answers for its health soon after somebody has left as many connections idle as its port takes', async () => {
  const { healthPort, health } = await startApi(256);
  await waitFor('the API', async () => (await health('/livez')).ok);
  for (let count = 0; count < HEALTH_CONNECTIONS; count += 1) {
    const socket = connect(healthPort, '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => undefined).write('GET /livez HTTP/1.1\r\nhost: x\r\n\r\n');
    await once(socket, 'data');
  }
  await waitFor('an answer', async () => (await health('/livez')).ok, { timeoutMs: 15_000 });
});

it('refuses to start where hardly any file is left for clients, and says how many it needs', async () => {
  const { child } = await startApi(150);
  let error = '';
  child.stderr.on('data', (chunk: Buffer) => (error += chunk.toString()));
  expect(await once(child, 'exit')).toEqual([78, null]);
  expect(error).toContain('may open 150 files');
});
