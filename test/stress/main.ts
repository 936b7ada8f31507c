/**
 * `npm run test:stress -- <arguments for vitest>`: tests beside one busy loop for each core, while one process after the
 * other stands still for a moment: servers, services, and the tests themselves. What fails here and nowhere else takes
 * something for granted that no machine promises.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { randomOf } from '../chaos/random.ts';
import { processesOf, type RunningProcess } from './processes.ts';

/** Time between two pauses and length of a pause, least and most, in milliseconds. */
const BETWEEN = [2_000, 8_000] as const;
const PAUSE = [500, 3_000] as const;

const root = join(import.meta.dirname, '../..');
const folder = join(root, 'dist');
const log = join(folder, 'stress.log');
const random = randomOf(Date.now());

/** First a program, then a process of it: there are more of some than of others. */
const pick = (processes: readonly RunningProcess[]): RunningProcess => {
  const name = random.pick([...new Set(processes.map((each) => each.name))]);
  return random.pick(processes.filter((each) => each.name === name));
};

const signal = (pid: number, name: 'SIGSTOP' | 'SIGCONT'): void => {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended.
  }
};

mkdirSync(folder, { recursive: true });
const mark = `TASKSTREAM_STRESS=${process.pid}`;
const vitest = spawn(
  process.execPath,
  [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...process.argv.slice(2)],
  { cwd: root, env: { ...process.env, TASKSTREAM_STRESS: String(process.pid) }, stdio: 'inherit' },
);
const isOver = (): boolean => vitest.exitCode !== null || vitest.signalCode !== null;
const ended = once(vitest, 'exit');
let standing: number | undefined;
// vitest ends its servers; whoever stands still then could not be ended.
const goOn = (): void => {
  if (standing !== undefined) signal(standing, 'SIGCONT');
};
process.on('SIGINT', goOn);
process.on('SIGTERM', () => {
  goOn();
  vitest.kill('SIGTERM');
});

const loops = Array.from({ length: availableParallelism() }, () => new Worker('for (;;);', { eval: true }));
console.error(`Pauses are written to ${log}`);
let pauses = 0;
while (!isOver()) {
  await Promise.race([ended, sleep(random.int(...BETWEEN))]);
  const processes = isOver() || vitest.pid === undefined ? [] : processesOf(vitest.pid, mark);
  if (processes.length === 0) continue;
  const victim = pick(processes);
  const pauseMs = random.int(...PAUSE);
  standing = victim.pid;
  signal(victim.pid, 'SIGSTOP');
  await sleep(pauseMs);
  signal(victim.pid, 'SIGCONT');
  standing = undefined;
  pauses += 1;
  appendFileSync(log, `${new Date().toISOString()} ${pauseMs} ms ${victim.pid} ${victim.commandLine.slice(0, 120)}\n`);
}
await Promise.all(loops.map((loop) => loop.terminate()));
console.error(`${pauses} pauses`);
process.exit(vitest.exitCode ?? 1);
