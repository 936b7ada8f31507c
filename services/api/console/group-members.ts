/**
 * How many members the indexers' group has, asked by a process of its own: Kafka's admin client may end the process it
 * runs in (see kafka-watch.ts), and nothing else tells the members. What ends is started again, and means "unknown".
 */
import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Logger } from '../../platform/logger.ts';
import { withDeadline } from '../../platform/time.ts';

export interface GroupMembers {
  /** Null while it is not known. The first call starts the process. */
  readonly count: () => number | null;
  readonly close: () => Promise<void>;
}

/** An answer that is older says nothing about now. */
const STALE_MS = 5_000;
const RESTART_MS = 2_000;
const KILL_MS = 1_000;

/** TypeScript in development, JavaScript in the image. */
const SCRIPT = join(
  import.meta.dirname,
  import.meta.filename.endsWith('.ts') ? 'count-members.ts' : 'count-members.js',
);

export const createGroupMembers = (logger: Logger): GroupMembers => {
  let child: ChildProcess | undefined;
  let restart: NodeJS.Timeout | undefined;
  let latest: { readonly members: number; readonly at: number } | undefined;

  const start = (): void => {
    restart = undefined;
    // A development server that watches files is not to be started twice.
    const execArgv = process.execArgv.filter((argument) => !argument.startsWith('--watch'));
    const started = fork(SCRIPT, { execArgv, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    child = started;
    started.on('message', (message) => {
      latest = typeof message === 'number' ? { members: message, at: performance.now() } : undefined;
    });
    started.on('error', (error) => {
      logger.warn({ err: error }, 'the process that counts the members of the group does not start');
    });
    started.on('exit', (code, signal) => {
      if (child !== started) return;
      latest = undefined;
      logger.info({ code, signal }, 'the process that counts the members of the group has ended: starting it again');
      child = undefined;
      restart = setTimeout(start, RESTART_MS);
      restart.unref();
    });
  };

  return {
    count: () => {
      if (child === undefined && restart === undefined) start();
      return latest === undefined || performance.now() - latest.at > STALE_MS ? null : latest.members;
    },
    close: async () => {
      clearTimeout(restart);
      restart = undefined;
      latest = undefined;
      const open = child;
      child = undefined;
      if (open === undefined || open.exitCode !== null || open.signalCode !== null) return;
      const exited = new Promise((resolve) => open.once('exit', resolve));
      open.kill('SIGTERM');
      await withDeadline(exited, KILL_MS, 'the process that counts members').catch(() => open.kill('SIGKILL'));
    },
  };
};
