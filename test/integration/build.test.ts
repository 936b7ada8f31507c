import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { copyClone } from '../support/clone.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createPipeline, type Pipeline } from '../support/pipeline.ts';
import { killProcess, startService } from '../support/process.ts';

const clone = copyClone((path) =>
  /^(infra|services)\/|^(package|package-lock|tsconfig|tsconfig\.build)\.json$/.test(path),
);
const build = join(clone.path, 'build');
const run = promisify(execFile);

let database: TestDatabase;
let pipeline: Pipeline;
beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
  pipeline = await createPipeline();
});
afterAll(async () => {
  await pipeline.close();
  await database.close();
  clone.remove();
});

it('npm run build leaves services that run by Node alone: ops migrate, the API with its console', async () => {
  const stale = join(build, 'services/task/migrations/9999_gone.sql');
  mkdirSync(dirname(stale), { recursive: true });
  writeFileSync(stale, 'SELECT 1 / 0;');
  const machine = { PATH: process.env['PATH'], HOME: process.env['HOME'] };
  await run('npm', ['run', '--silent', 'build'], { cwd: clone.path, env: machine });
  expect(existsSync(stale)).toBe(false);

  await database.pool.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
  const env = { ...machine, ...pipeline.env, DATABASE_URL: database.url };
  await run(process.execPath, ['build/services/ops/main.js', 'migrate'], { cwd: clone.path, env });
  expect((await database.pool.query('SELECT FROM tasks')).rowCount).toBe(0);

  const api = await startService('api', { ...pipeline.env, DATABASE_URL: database.url, CONSOLE: 'true' }, build);
  try {
    await api.ready();
    const page = await fetch(`http://127.0.0.1:${api.port}/console`);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('<html');
  } finally {
    await killProcess(api);
  }
});
