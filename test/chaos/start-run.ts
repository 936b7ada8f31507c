/** Starts the process of a run, and waits for what comes of it. */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { namesOf } from './plan.ts';
import { serveServers } from './remote-servers.ts';
import type { RunOrder, RunReport } from './run-process.ts';
import type { RunOptions, RunResult } from './run.ts';
import type { RunningServers } from './servers.ts';

/** A run that takes longer hangs: all its waits together are shorter. */
const DEADLINE_MS = 25 * 60_000;

const isReport = (message: unknown): message is RunReport =>
  typeof message === 'object' &&
  message !== null &&
  'type' in message &&
  /^(result|failure)$/.test(String(message.type));

/** @throws when the run itself failed, as opposed to the product */
export const startRun = async (servers: RunningServers, options: RunOptions): Promise<RunResult> => {
  const child = fork(join(import.meta.dirname, 'run-process.ts'), [], { execArgv: ['--import', 'tsx'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS);
  serveServers(child, servers);
  const { urls, serviceUrls, copies } = servers;
  const order: RunOrder = {
    ...options,
    type: 'run',
    plan: namesOf(options.plan),
    servers: { urls, serviceUrls, copies },
  };
  child.send(order);
  try {
    return await new Promise<RunResult>((resolve, reject) => {
      child.on('message', (message: unknown) => {
        if (!isReport(message)) return;
        if (message.type === 'result') resolve(message.result);
        else reject(new Error(message.error));
      });
      child.once('exit', (code, signal) => {
        reject(new Error(`its process ended without a result (${signal ?? code ?? ''})`));
      });
    });
  } finally {
    clearTimeout(timer);
    child.kill('SIGKILL');
  }
};
