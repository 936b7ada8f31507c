/**
 * A child process with a log file, that never outlives its parent.
 * Each child leads a process group of its own: a Ctrl-C in the terminal reaches only us, and we stop the children in
 * the right order.
 */
import { spawn } from 'node:child_process';
import { appendFileSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from './bootstrap/fail.mjs';
import { tailOf } from './log-file.ts';
import { watchGroup } from './reaper.ts';

const running = new Set<Child>();

/** How a process ended: one of the two is null. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ChildOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Standard output and error are appended to it. */
  readonly logFile: string;
  /** Is given each line too. */
  readonly onLine?: (line: string) => void;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
}

export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  readonly exited: Promise<Exit>;
  /** Sends `signal`, and SIGKILL after `deadlineMs`; resolves when the process is gone. */
  stop(signal: NodeJS.Signals, deadlineMs: number): Promise<Exit>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<Exit>;
}

/**
 * Starts a process.
 * @throws UserError when the command cannot be started
 */
export const startChild = async (options: ChildOptions): Promise<Child> => {
  const { name, command, args, env = {}, logFile, onLine, ...rest } = options;
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'a');
  const child = spawn(command, args, {
    ...rest,
    env: { ...process.env, ...env },
    detached: true,
    // Straight to the file when nobody reads along: the child then needs no parent to write its log.
    stdio: onLine === undefined ? ['ignore', log, log] : ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr])
    if (stream !== null)
      createInterface({ input: stream }).on('line', (line) => {
        appendFileSync(logFile, `${line}\n`);
        onLine?.(line);
      });
  closeSync(log);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) => {
      reject(new UserError(`Cannot start ${name} (${command}): ${cause.message}.`, { cause }));
    });
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${name} has no process id`);
  const release = watchGroup(pid);
  const exited = new Promise<Exit>((resolve) => {
    // Not `exit`: the last lines of its log would be missing.
    child.once('close', (code, signal) => {
      release();
      resolve({ code, signal });
    });
  });
  const hasExited = () => child.exitCode !== null || child.signalCode !== null;
  const stop = async (signal: NodeJS.Signals, deadlineMs: number): Promise<Exit> => {
    if (!hasExited()) child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
    return exited.finally(() => {
      clearTimeout(timer);
    });
  };
  const handle: Child = { name, pid, logFile, exited, stop, kill: () => stop('SIGKILL', 0) };
  running.add(handle);
  void exited.then(() => running.delete(handle));
  return handle;
};

/** Interrupts every child that still runs, and kills it after `deadlineMs`; resolves when all are gone. */
export const stopAllChildren = async (deadlineMs: number): Promise<void> => {
  await Promise.all([...running].map((child) => child.stop('SIGINT', deadlineMs)));
};

/** Kills every child that still runs, without waiting for its end. */
export const killAllChildren = (): void => {
  for (const child of running) void child.kill();
};

/**
 * Polls until `isReady` is true.
 * @throws UserError with the end of the log when the child exits before that, or is not ready within `deadlineMs`
 */
export const waitUntilReady = async (
  child: Child,
  isReady: () => Promise<boolean>,
  deadlineMs: number,
): Promise<void> => {
  const state: { exit?: Exit } = {};
  void child.exited.then((exit) => {
    state.exit = exit;
  });
  const endAt = performance.now() + deadlineMs;
  while (!(await isReady())) {
    if (state.exit !== undefined) throw new UserError(describeDeath(child, state.exit));
    if (performance.now() > endAt) {
      await child.kill();
      throw new UserError(`${child.name} was not ready within ${deadlineMs / 1000} s: see ${child.logFile}.`);
    }
    await sleep(100);
  }
};

/** What to tell a person about a child that ended by itself: one sentence, then the last lines of its log. */
export const describeDeath = (child: Pick<Child, 'name' | 'logFile'>, { code, signal }: Exit): string =>
  `${child.name} ended unexpectedly (${signal ?? `exit code ${code ?? 'unknown'}`}): ` +
  `see the last lines of ${child.logFile}:\n${tailOf(child.logFile, 15)}`;
