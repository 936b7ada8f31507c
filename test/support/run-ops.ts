/** `npm run ops` as a real process: with its output and exit code, and to be killed. */
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';

export interface OpsResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface OpsProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<OpsResult>;
  /** What it said so far on standard error. */
  stderr(): string;
}

const root = join(import.meta.dirname, '../..');

export const startOps = (args: readonly string[], env: Readonly<Record<string, string>>): OpsProcess => {
  const child = spawn(process.execPath, ['--import', 'tsx', join(root, 'services/ops/main.ts'), ...args], {
    cwd: root,
    env: { PATH: process.env['PATH'], LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  return {
    child,
    stderr: () => stderr,
    ended: new Promise((resolve) => {
      child.once('close', (code, signal) => {
        resolve({ code, signal, stdout, stderr });
      });
    }),
  };
};

/** Runs it to its end. */
export const runOps = (args: readonly string[], env: Readonly<Record<string, string>>): Promise<OpsResult> =>
  startOps(args, env).ended;
