/**
 * The end of a process: on SIGTERM or SIGINT everything that was opened is closed, last opened first, each within its
 * own deadline. A second signal exits at once. A fault that nobody caught closes everything too, and exits with 1.
 */
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
  /** Replaced in tests. */
  readonly exit?: (code: number) => void;
  readonly process?: Pick<NodeJS.Process, 'on'>;
}

/** Installs the signal handlers and returns the lifecycle; call it once, first thing in `main.ts`. */
export const createLifecycle = (options: LifecycleOptions): Lifecycle => {
  const { logger, deadlineMs, exit = (code: number) => process.exit(code), process: target = process } = options;
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
    logger.info({ reason, deadlineMs }, 'stopping');
    const timer = setTimeout(() => {
      logger.fatal({ deadlineMs }, 'did not stop within the deadline: exiting');
      exit(1);
    }, deadlineMs);
    abort.abort(new Error(reason));
    const clean = await closeAll();
    clearTimeout(timer);
    logger.info({ ms: Math.round(performance.now() - startedAt), clean }, 'stopped');
    exit(clean ? exitCode : Math.max(exitCode, 1));
  };

  const onSignal = (name: 'SIGTERM' | 'SIGINT', number: number) => {
    target.on(name, () => {
      if (stopping) {
        logger.warn({ signal: name }, 'second signal: exiting at once');
        exit(128 + number);
        return;
      }
      void stop(name);
    });
  };
  onSignal('SIGTERM', 15);
  onSignal('SIGINT', 2);
  const onFault = (kind: string) => (error: unknown) => {
    logger.fatal({ err: error }, `${kind}: ${messageOf(error)}`);
    void stop(kind, 1);
  };
  target.on('uncaughtException', onFault('uncaught exception'));
  target.on('unhandledRejection', onFault('unhandled rejection'));

  return {
    signal: abort.signal,
    onClose: (name, limit, close) => {
      closers.push({ name, deadlineMs: limit, close });
    },
    stop,
  };
};
