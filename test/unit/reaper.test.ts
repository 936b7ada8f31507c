import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { isAlive } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';

const folder = mkdtempSync(join(tmpdir(), 'taskstream-reaper-'));
afterEach(() => {
  rmSync(folder, { recursive: true });
});

it('ends the children of a process that was killed with SIGKILL', async () => {
  const module = JSON.stringify(join(import.meta.dirname, '../../infra/local/child.ts'));
  const script = `
    const { startChild } = await import(${module});
    const child = await startChild({ name: 'sleeper', command: 'sleep', args: ['300'], logFile: process.argv[1] });
    console.log(child.pid);
    setInterval(() => undefined, 1_000);`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', script, join(folder, 'log')];
  const parent = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(output.toString());
  expect(isAlive(pid)).toBe(true);
  parent.kill('SIGKILL');
  await waitFor('the child to end', () => !isAlive(pid), { timeoutMs: 30_000 });
}, 60_000);
