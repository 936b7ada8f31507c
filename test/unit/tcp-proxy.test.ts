import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait.ts';

let target: ReturnType<typeof createServer>;
let proxy: TcpProxy;
let received = '';
const clients: Socket[] = [];

beforeEach(async () => {
  received = '';
  target = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => (received += chunk.toString()));
  });
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
  proxy = await createTcpProxy((target.address() as AddressInfo).port);
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await proxy.close();
  await new Promise((resolve) => target.close(resolve));
});

const client = async (): Promise<Socket> => {
  const socket = connect(proxy.port, '127.0.0.1');
  clients.push(socket);
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
};

it('keeps the order of what a slow connection still holds and what comes after it is fast again', async () => {
  const socket = await client();
  proxy.set({ kind: 'slow', delayMs: 2_000 });
  const startedAt = performance.now();
  socket.write('slow ');
  await new Promise((resolve) => setTimeout(resolve, 500));
  proxy.restore();
  socket.write('fast');
  await waitFor('both', () => received === 'slow fast', { intervalMs: 5 });
  expect(performance.now() - startedAt).toBeGreaterThan(1_900);
});

it('answers in the place of its target, which hears nothing', async () => {
  proxy.set({ kind: 'answer', bytes: 'no' });
  const socket = await client();
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk.toString()));
  socket.write('question');
  await waitFor('the answer', () => answer === 'no', { intervalMs: 5 });
  expect(received).toBe('');
});
