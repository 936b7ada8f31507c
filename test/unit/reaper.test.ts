import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { isAlive } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';

const folder = mkdtempSync(join(tmpdir(), 'taskstream-reaper-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** The process id of a child whose parent is killed with SIGKILL; `before` is done to it first. */
const orphan = async (command: string, before: (pid: number) => Promise<void>): Promise<number> => {
  const module = JSON.stringify(join(import.meta.dirname, '../../infra/local/child.ts'));
  const script = `
    const { startChild } = await import(${module});
    const args = ['-c', ${JSON.stringify(command)}];
    const child = await startChild({ name: 'sleeper', command: '/bin/sh', args, logFile: process.argv[1] });
    console.log(child.pid);
    setInterval(() => undefined, 1_000);`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', script, join(folder, 'log')];
  const parent = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(output.toString());
  expect(isAlive(pid)).toBe(true);
  await before(pid);
  parent.kill('SIGKILL');
  return pid;
};

it('ends the children of a process that was killed with SIGKILL', async () => {
  const pid = await orphan('exec sleep 300', () => Promise.resolve());
  await waitFor('the child to end', () => !isAlive(pid), { timeoutMs: 30_000 });
}, 60_000);

it('lets a child that stands still end by itself', async () => {
  const said = join(folder, 'said');
  const command = `trap 'echo stopped > ${said}; exit 0' INT; echo begun > ${said}; while :; do sleep 0.1; done`;
  const pid = await orphan(command, async (child) => {
    await waitFor('the child to begin', () => existsSync(said));
    process.kill(child, 'SIGSTOP');
  });
  await waitFor('the child to end', () => !isAlive(pid), { timeoutMs: 30_000 });
  expect(readFileSync(said, 'utf8')).toBe('stopped\n');
}, 60_000);
