import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import getPort from 'get-port';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { ensureDebianPackages } from '../../infra/local/bootstrap/debian.mjs';
import { serverUser } from '../../infra/local/postgres-user.ts';
import { runOps } from '../support/ops.ts';
import { call, createPipeline, type Pipeline } from '../support/pipeline.ts';
import { killProcess, startService } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';
import { creationOf } from '../support/sample.ts';

let pipeline: Pipeline;
const folder = mkdtempSync(join(tmpdir(), 'taskstream-pooler-'));
let pooler: ChildProcess | undefined;

beforeAll(async () => {
  await ensureDebianPackages(['pgbouncer'], 'to test behind a pooler');
  pipeline = await createPipeline();
});
afterEach(async () => {
  if (pooler === undefined) return;
  pooler.kill('SIGKILL');
  await once(pooler, 'exit');
});
afterAll(async () => {
  await pipeline.close();
  rmSync(folder, { recursive: true });
});

/** A PgBouncer in transaction mode before the pipeline's database; returns the URL through it. */
const startPooler = async (settings: readonly string[]): Promise<string> => {
  const url = new URL(pipeline.database.url);
  const port = await getPort();
  const database = url.pathname.slice(1);
  const file = join(folder, 'pgbouncer.ini');
  const lines = [
    '[databases]',
    `${database} = host=127.0.0.1 port=${url.port} user=${url.username} password=${url.password}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    'pool_mode = transaction',
    ...settings,
  ];
  writeFileSync(file, lines.join('\n'));
  const user = serverUser();
  user.own(folder);
  const { command, args, ...ids } = user.wrap('pgbouncer', [file]);
  pooler = spawn(command, args, { ...ids, stdio: 'ignore' });
  await waitFor('PgBouncer', async () => {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.destroy();
    return true;
  });
  url.port = String(port);
  return url.href;
};

it.each([
  ['as it comes', []],
  ['told to ignore the settings of a session', ['ignore_startup_parameters = statement_timeout,extra_float_digits']],
])('serves nothing behind PgBouncer %s, and says why', async (_what, settings) => {
  const env = { ...pipeline.env, DATABASE_URL: await startPooler(settings) };
  const reason = /connection pooler|unsupported startup parameter/;
  const api = await startService('api', env);
  try {
    const ready = await waitFor('the API', () => fetch(`${api.healthUrl}/readyz`));
    expect(ready.status).toBe(503);
    expect(await ready.text()).toMatch(reason);
    for (let count = 0; count < 20; count += 1) {
      expect((await call(api, 'POST', '/tasks', creationOf('nowhere'))).status).toBe(503);
    }
    await waitFor('the relay to say why', () => api.logs().includes('leads to a connection pooler'));
    expect(await api.metric('taskstream_relay_leader')).toBe(0);
  } finally {
    await killProcess(api);
  }
  const { code, stderr } = await runOps(['outbox'], env);
  expect(code).not.toBe(0);
  expect(stderr).toContain('leads to a connection pooler');
});
