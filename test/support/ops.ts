/** The command line of an operator as a real process: its exit code and its pipes are part of what it promises. */
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

export interface OpsProcess {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Resolves when it has ended and its output is complete. */
  readonly ended: Promise<OpsResult>;
}

export interface OpsResult {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const ENTRY = ['--import', 'tsx', join(root, 'services/ops/main.ts')];

/** Starts `ops` with these arguments. */
export const startOps = (args: readonly string[], env: Readonly<Record<string, string>>): OpsProcess => {
  const child = spawn(process.execPath, [...ENTRY, ...args], {
    cwd: root,
    env: { PATH: process.env['PATH'], NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  const ended = new Promise<OpsResult>((resolve) => {
    child.once('close', (code) => {
      resolve({ code, stdout, stderr });
    });
  });
  return { child, stdout: () => stdout, stderr: () => stderr, ended };
};

/** Runs `ops` to its end. */
export const runOps = (args: readonly string[], env: Readonly<Record<string, string>>): Promise<OpsResult> =>
  startOps(args, env).ended;

/** Runs `ops` in a shell with `rest` behind it, such as `| head -1`; the exit code is the one of `ops`. */
export const runOpsPiped = (
  args: readonly string[],
  rest: string,
  env: Readonly<Record<string, string>>,
): Promise<OpsResult> =>
  new Promise((resolve) => {
    const child = spawn(
      'bash',
      ['-c', `"$0" "$@" ${rest}; exit \${PIPESTATUS[0]}`, process.execPath, ...ENTRY, ...args],
      {
        cwd: root,
        env: { PATH: process.env['PATH'], NO_COLOR: '1', ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
    child.once('close', (code) => {
      resolve({ code, stdout, stderr });
    });
  });

/** The objects of JSON lines. */
export const jsonLines = <T>(text: string): T[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
