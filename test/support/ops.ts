/** The command line of an operator as a real process. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface OpsRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Most resident memory it had, in bytes, as far as was seen. */
  readonly peakBytes: number;
}

const root = join(import.meta.dirname, '../..');
const WATCH_MS = 50;

/** Runs `ops` with arguments to its end. */
export const runOps = (args: readonly string[], env: Readonly<Record<string, string>>): Promise<OpsRun> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', join(root, 'services/ops/main.ts'), ...args], {
      cwd: root,
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr, peakBytes] = ['', '', 0];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const watch = setInterval(() => {
      peakBytes = Math.max(peakBytes, peakOf(child.pid));
    }, WATCH_MS);
    child.once('error', reject);
    child.once('close', (code) => {
      clearInterval(watch);
      resolve({ code, stdout, stderr, peakBytes });
    });
  });

/** The kernel's own high-water mark; 0 when the process has just ended. */
const peakOf = (pid: number | undefined): number => {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid ?? 0}/status`, 'utf8'))?.[1] ?? 0) * 1_024;
  } catch {
    return 0;
  }
};
