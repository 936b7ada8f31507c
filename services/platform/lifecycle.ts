/**
 * The end of a process: on SIGTERM, SIGINT or SIGHUP everything that was opened is closed, last opened first, each within
 * its own deadline. A second signal ends the process at once. A fault that nobody caught closes everything too, and exits
 * with 1. Whatever blocks the event loop, the log or the process's own exit: a child process kills it at the deadline.
 */
import { spawn, type SpawnOptions } from 'node:child_process';
import type { Logger } from './logger.ts';
import { messageOf } from './errors.ts';
import { integer, type EnvSpec } from './env.ts';
import { withDeadline } from './time.ts';

export const lifecycleEnv = {
  SHUTDOWN_DEADLINE_MS: {
    schema: integer(25_000, { min: 15_000, max: 600_000 }),
    defaultText: '25000',
    description: 'Bound on the whole stop, in milliseconds; keep it below terminationGracePeriodSeconds.',
  },
} as const satisfies EnvSpec;

export interface Lifecycle {
  /** Aborts when the process begins to stop. */
  readonly signal: AbortSignal;
  /** Registers something to close. `deadlineMs` bounds its closing; a failure is logged and makes the exit code 1. */
  onClose(name: string, deadlineMs: number, close: () => Promise<unknown>): void;
  /** Closes everything and exits. Further calls do nothing. */
  stop(reason: string, exitCode?: number): Promise<void>;
}

interface Closer {
  readonly name: string;
  readonly deadlineMs: number;
  readonly close: () => Promise<unknown>;
}

export interface LifecycleOptions {
  readonly logger: Logger;
  /** Bound on the whole stop, below the orchestrator's grace period. */
  readonly deadlineMs: number;
}

/** From the event loop's own end to that by the watchdog. */
const EXIT_MS = 1_000;
/** Time for the last log lines when all is closed: more than a busy machine needs, and less than anybody waits for. */
const LAST_LINES_MS = 5_000;

const STOP_SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/**
 * Kills its parent after the milliseconds that its argument says, or those of the last line that it read, and ends with it.
 * A thread would not do: `process.exit` ends the threads first, and then waits for whatever system call still blocks one
 * of libuv's, as a write to a log that nobody reads.
 */
const WATCHDOG = `
const parent = Number(process.argv[1]);
const kill = () => process.ppid === parent && process.kill(parent, 'SIGKILL');
let timer = setTimeout(kill, Number(process.argv[2]));
process.stdin.on('data', (text) => {
  clearTimeout(timer);
  timer = setTimeout(kill, Number(text));
});
process.stdin.on('end', () => process.exit());`;

/**
 * Starts the watchdog; what it returns sets it to another time from now, in milliseconds. It never throws: a machine that can
 * start no process must not keep this one from its end.
 */
const startWatchdog = (ms: number, logger: Logger): ((ms: number) => void) => {
  const onError = (error: unknown) => {
    logger.warn({ err: error }, 'no watchdog: what blocks the event loop now also blocks the end of the process');
  };
  const args = ['--input-type=commonjs', '--eval', WATCHDOG, String(process.pid), String(ms)];
  try {
    // Detached: a Ctrl-C goes to the terminal's whole process group. Without our environment: NODE_OPTIONS are ours alone.
    const options: SpawnOptions = { detached: true, env: {}, stdio: ['pipe', 'ignore', 'ignore'] };
    const child = spawn(process.execPath, args, options);
    child.on('error', onError);
    child.unref();
    // Without a free descriptor Node makes no pipe, and says so in the error event; without memory it throws.
    child.stdin?.on('error', onError);
    return (nextMs) => child.stdin?.write(`${nextMs}\n`);
  } catch (error) {
    onError(error);
    return () => undefined;
  }
};

/** Installs the signal handlers and returns the lifecycle; call it once, first thing in `main.ts`. */
export const createLifecycle = ({ logger, deadlineMs }: LifecycleOptions): Lifecycle => {
  const abort = new AbortController();
  const closers: Closer[] = [];
  let stopping = false;

  const closeAll = async (): Promise<boolean> => {
    let clean = true;
    for (const { name, deadlineMs: limit, close } of closers.reverse()) {
      const startedAt = performance.now();
      try {
        await withDeadline(close(), limit, `closing ${name}`);
        logger.debug({ name, ms: Math.round(performance.now() - startedAt) }, 'closed');
      } catch (error) {
        clean = false;
        logger.error({ name, err: error }, 'could not close cleanly');
      }
    }
    return clean;
  };

  const stop = async (reason: string, exitCode = 0): Promise<void> => {
    if (stopping) return;
    stopping = true;
    const startedAt = performance.now();
    // Before the first line: a log that nobody reads may block it.
    const killWithin = startWatchdog(deadlineMs, logger);
    letSignalsKill();
    logger.info({ reason, deadlineMs }, 'stopping');
    setTimeout(
      () => {
        logger.fatal({ deadlineMs }, 'did not stop within the deadline: exiting');
        process.exit(1);
      },
      Math.max(0, deadlineMs - EXIT_MS),
    );
    abort.abort(new Error(reason));
    const clean = await closeAll();
    killWithin(Math.min(LAST_LINES_MS, startedAt + deadlineMs - performance.now()));
    logger.info({ ms: Math.round(performance.now() - startedAt), clean }, 'stopped');
    process.exit(clean ? exitCode : Math.max(exitCode, 1));
  };

  /**
   * A signal without a listener ends the process in the kernel, whatever its threads are at. For process 1 it does
   * nothing: there a listener stays, which the event loop has to call.
   */
  const letSignalsKill = () => {
    for (const [name, number] of Object.entries(STOP_SIGNALS)) {
      process.removeAllListeners(name);
      if (process.pid === 1) process.on(name, () => process.exit(128 + number));
    }
  };

  for (const name of Object.keys(STOP_SIGNALS)) process.on(name, () => void stop(name));
  // Node's own answer is to open the inspector, which gives the process to anybody who reaches its port.
  process.on('SIGUSR1', () => {
    logger.warn('SIGUSR1 does not open the inspector: start the process with --inspect');
  });
  const onFault = (kind: string) => (error: unknown) => {
    void stop(kind, 1);
    logger.fatal({ err: error }, `${kind}: ${messageOf(error)}`);
  };
  process.on('uncaughtException', onFault('uncaught exception'));
  process.on('unhandledRejection', onFault('unhandled rejection'));

  return {
    signal: abort.signal,
    onClose: (name, limit, close) => {
      closers.push({ name, deadlineMs: limit, close });
    },
    stop,
  };
};
