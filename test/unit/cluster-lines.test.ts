import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import getPort from 'get-port';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ClusterNode } from '../../infra/local/cluster/node.ts';
import { createLines } from '../../infra/local/cluster/lines.ts';

/** Calls a port when it is told to, writes what it is told to, and reports each piece that it reads. */
const CALLER = `
  const sockets = new Map();
  process.on('message', ({ name, port, text }) => {
    if (port !== undefined) sockets.set(name, require('node:net').connect(port, '127.0.0.1').on('data', (chunk) => {
      process.send(name + ' read ' + chunk);
    }).on('close', () => process.send(name + ' ended')));
    if (text !== undefined) sockets.get(name).write(text);
  });`;

const children: ChildProcess[] = [];
const nodes: ClusterNode[] = [];
const heard: string[] = [];
const lines = createLines(() => nodes);
/** What "c" hears comes back to the caller. */
const echo = createServer((socket) => socket.pipe(socket));
let published: number;

beforeAll(async () => {
  for (const name of ['a', 'b', 'c']) {
    const child = spawn(process.execPath, ['-e', CALLER], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    children.push(child);
    child.on('message', (message) => {
      if (typeof message === 'string') heard.push(message);
    });
    const { pid = 0 } = child;
    const node = new ClusterNode(name, 'kafka', () =>
      Promise.resolve({
        ...{ name, url: '', port: 0, pid, logFile: '', exited: new Promise<never>(() => undefined) },
        ...{ stop: () => Promise.resolve(), kill: () => Promise.resolve() },
      }),
    );
    await node.start();
    nodes.push(node);
  }
  published = await getPort();
  const target = await lines.open('c', published);
  echo.listen(target, '127.0.0.1');
  await once(echo, 'listening');
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await lines.close();
  echo.close();
});

const tell = (index: number, order: object): void => {
  children[index]?.send(order);
};
const settled = () => new Promise((resolve) => setTimeout(resolve, 300));

it.runIf(process.platform === 'linux')(
  'a line passes on what nodes say, and nothing to or from one that is cut off until it is joined again',
  async () => {
    const [a] = nodes;
    if (a === undefined) throw new Error('no node');
    tell(0, { name: 'a1', port: published, text: 'one' });
    tell(1, { name: 'b1', port: published, text: 'one' });
    await expect.poll(() => [...heard].sort(), { timeout: 10_000 }).toEqual(['a1 read one', 'b1 read one']);

    lines.cutOff(a);
    heard.length = 0;
    tell(0, { name: 'a1', text: 'two' });
    tell(0, { name: 'a2', port: published, text: 'new' });
    tell(1, { name: 'b1', text: 'two' });
    tell(1, { name: 'b2', port: published, text: 'new' });
    await expect.poll(() => [...heard].sort(), { timeout: 10_000 }).toEqual(['b1 read two', 'b2 read new']);
    await settled();
    // No connection ended.
    expect([...heard].sort()).toEqual(['b1 read two', 'b2 read new']);

    lines.join(a);
    await expect
      .poll(() => [...heard].sort(), { timeout: 10_000 })
      .toEqual(['a1 read two', 'a2 read new', 'b1 read two', 'b2 read new']);
  },
);

it.runIf(process.platform === 'linux')('nobody reaches a node that is cut off, but that node itself', async () => {
  const [, , c] = nodes;
  if (c === undefined) throw new Error('no node');
  lines.cutOff(c);
  heard.length = 0;
  tell(0, { name: 'a1', text: 'three' });
  tell(2, { name: 'c1', port: published, text: 'mine' });
  await expect.poll(() => heard, { timeout: 10_000 }).toEqual(['c1 read mine']);
  await settled();
  expect(heard).toEqual(['c1 read mine']);
  lines.join(c);
  await expect.poll(() => heard, { timeout: 10_000 }).toEqual(['c1 read mine', 'a1 read three']);
});
