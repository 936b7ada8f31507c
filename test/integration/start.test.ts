/** `npm start` in a copy of the clone, on the servers of the test run, and what finds its stack there. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import getPort, { portNumbers } from 'get-port';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { copyClone } from '../support/clone.ts';
import { createPipeline, type Pipeline } from '../support/pipeline.ts';
import { isAlive } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';

const OFFSET = 1_000;
const clone = copyClone((path) => /^(infra|services)\/|^(package|package-lock|tsconfig)\.json$/.test(path));
const record = join(clone.path, '.data/start.json');
const machine = { PATH: process.env['PATH'], HOME: process.env['HOME'], NO_COLOR: '1' };

let pipeline: Pipeline;
let ports: Record<string, string> = {};
let stack: ChildProcess | undefined;

beforeAll(async () => {
  pipeline = await createPipeline();
  const free = () => getPort({ port: portNumbers(20_000, 30_000) });
  for (const name of ['API_PORT', 'API_HEALTH_PORT', 'INDEXER_HEALTH_PORT'])
    ports = { ...ports, [name]: String((await free()) - OFFSET) };
});
afterAll(async () => {
  stack?.kill('SIGKILL');
  await pipeline.close();
  clone.remove();
});

/** Starts it, and waits until it says that it is ready. */
const start = async (): Promise<{ child: ChildProcess; output: () => string }> => {
  const child = spawn('npm', ['start', '--', '--port-offset', String(OFFSET)], {
    cwd: clone.path,
    env: { ...machine, ...pipeline.env, ...ports },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  stack = child;
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await waitFor('the stack to be ready', () => {
    if (child.exitCode !== null) throw new Error(text);
    return text.includes('is ready after');
  }).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${text}`);
  });
  return { child, output: () => text };
};

/** Runs a line in a shell of the clone, whose environment names no server. */
const shell = (line: string, env: Readonly<Record<string, string>> = {}) =>
  new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile('sh', ['-c', line], { cwd: clone.path, env: { ...machine, ...env } }, (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), stdout, stderr });
    });
  });

it('serves under the moved ports; other terminals find it by npm run env, and ops by itself', async () => {
  const none = await shell('npm run -s env');
  expect(none).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('npm start') as string });

  const { child, output } = await start();
  const api = `http://localhost:${Number(ports['API_PORT']) + OFFSET}`;
  expect((await fetch(`${api}/tasks`)).status).toBe(200);
  expect(output()).toContain('eval "$(npm run -s env)"');
  expect(output()).toContain('Nobody is asked who is calling (AUTH=none).');

  const { stdout } = await shell('eval "$(npm run -s env)" && printenv DATABASE_URL TASKSTREAM_URL TASKS_TOPIC');
  expect(stdout.split('\n')).toEqual([pipeline.env['DATABASE_URL'], api, pipeline.env['TASKS_TOPIC'], '']);

  const found = await shell('npm run -s ops -- lag --json');
  expect(found, found.stderr).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(pipeline.topics.tasks) as string,
  });
  const listed = await shell('npm run -s ops -- export');
  expect(listed.code, listed.stderr).toBe(0);
  // Another server named, and nothing of the stack is taken.
  const elsewhere = await shell('npm run -s ops -- outbox', { DATABASE_URL: 'postgres://a:b@127.0.0.1:1/c' });
  expect(elsewhere.code).not.toBe(0);

  const second = await shell('npm start', { ...pipeline.env, ...ports });
  expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining(`is running already`) as string });
  expect(second.stderr).toContain(api);

  child.kill('SIGINT');
  await waitFor('the stack to end', () => child.exitCode !== null);
  expect(child.exitCode).toBe(0);
  expect(existsSync(record)).toBe(false);
});

it('does not believe the record of a stack that was killed, and starts again', async () => {
  await start();
  const { pid } = JSON.parse(readFileSync(record, 'utf8')) as { pid: number };
  process.kill(pid, 'SIGKILL');
  await waitFor('its end', () => !isAlive(pid));
  expect(existsSync(record)).toBe(true);
  expect(await shell('npm run -s env')).toMatchObject({ code: 1, stdout: '' });
  // Its services are interrupted, and leave their ports.
  const apiHealth = `http://localhost:${Number(ports['API_HEALTH_PORT']) + OFFSET}/livez`;
  await waitFor('the services to end', () =>
    fetch(apiHealth).then(
      () => false,
      () => true,
    ),
  );
  await waitFor('npm to end', () => stack?.exitCode !== null || stack.signalCode !== null);
  const { child } = await start();
  expect(await shell('npm run -s env')).toMatchObject({ code: 0 });
  child.kill('SIGINT');
  await waitFor('the stack to end', () => child.exitCode !== null);
});
