/** The command line of an operator as a real process: its exit code and its pipes are part of what it promises. */
import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { memoryBytes } from './process.ts';

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
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Most resident memory it had, in bytes, as far as was seen. */
  readonly peakBytes: number;
}

const WATCH_MS = 50;
const ENTRY = ['--import', 'tsx', join(root, 'services/ops/main.ts')];

/** Runs the `ops` of another checkout to its end. */
export const runOpsOf = (
  checkout: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<OpsResult> => {
  const entry = ['--import', 'tsx', join(checkout, 'services/ops/main.ts')];
  return follow(spawn(process.execPath, [...entry, ...args], { ...optionsWith(env), cwd: checkout })).ended;
};

/** Starts `ops` with these arguments. */
export const startOps = (args: readonly string[], env: Readonly<Record<string, string>>): OpsProcess => {
  const child = spawn(process.execPath, [...ENTRY, ...args], optionsWith(env));
  const { stdout, stderr, ended } = follow(child);
  return { child, stdout, stderr, ended };
};

/** Runs `ops` to its end. */
export const runOps = (args: readonly string[], env: Readonly<Record<string, string>>): Promise<OpsResult> =>
  startOps(args, env).ended;

/** Runs a command that prints JSON, whatever it found. @throws what it said when it could not run */
export const reportOfOps = async (
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Pick<OpsResult, 'code' | 'peakBytes'> & { readonly report: unknown }> => {
  const { code, stdout, stderr, peakBytes } = await runOps(args, env);
  if (code === 1) throw new Error(stderr);
  return { code, report: JSON.parse(stdout) as unknown, peakBytes };
};

/** Runs `ops` in a shell with `rest` behind it, such as `| head -1`; the exit code is the one of `ops`. */
export const runOpsPiped = (
  args: readonly string[],
  rest: string,
  env: Readonly<Record<string, string>>,
): Promise<OpsResult> => {
  const script = `"$0" "$@" ${rest}; exit \${PIPESTATUS[0]}`;
  return follow(spawn('bash', ['-c', script, process.execPath, ...ENTRY, ...args], optionsWith(env))).ended;
};

const optionsWith = (env: Readonly<Record<string, string>>) => ({
  cwd: root,
  env: { PATH: process.env['PATH'], NO_COLOR: '1', LOG_LEVEL: 'warn', ...env },
  stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'],
});

/** Collects what a process says until its end. */
const follow = (child: ChildProcessByStdio<null, Readable, Readable>) => {
  let [stdout, stderr, peakBytes] = ['', '', 0];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  const watch = setInterval(() => {
    peakBytes = Math.max(peakBytes, memoryBytes(child.pid ?? 0, 'VmHWM'));
  }, WATCH_MS);
  const ended = new Promise<OpsResult>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearInterval(watch);
      resolve({ code, signal, stdout, stderr, peakBytes });
    });
  });
  return { stdout: () => stdout, stderr: () => stderr, ended };
};

/** The objects of JSON lines. */
export const jsonLines = <T>(text: string): T[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
