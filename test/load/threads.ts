/** CPU of a JVM by what its threads do: the profile of a server that is not ours. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findJdk } from '../../infra/local/bootstrap/jdk.mjs';
import type { CpuByProcess } from './cpu.ts';

/** Microseconds of CPU by the name of threads, those of a pool together. */
export type MicrosByThread = ReadonlyMap<string, number>;

/** `"elasticsearch[local][write][T#2]" … cpu=3495.76ms`, as `jcmd` prints a thread. */
const THREAD = /^"(.+?)" .*\bcpu=([\d.]+)ms/gm;

/** What a pool's threads have in common: `write`, `data-plane-kafka-request-handler`. */
const poolOf = (thread: string): string =>
  /^elasticsearch\[[^\]]*\]\[(.+?)\]/.exec(thread)?.[1] ?? thread.replaceAll(/-?\d+/g, '');

/** @throws when the process is no JVM, or belongs to somebody else */
export const threadMicros = async (pid: number): Promise<MicrosByThread> => {
  const { stdout } = await promisify(execFile)(join(findJdk().home, 'bin/jcmd'), [String(pid), 'Thread.print'], {
    maxBuffer: 16_000_000,
  });
  return sumByPool(stdout);
};

/** @param dump of all threads, as `jcmd PID Thread.print` prints it */
export const sumByPool = (dump: string): MicrosByThread => {
  const micros = new Map<string, number>();
  for (const [, thread = '', ms] of dump.matchAll(THREAD)) {
    const pool = poolOf(thread);
    micros.set(pool, (micros.get(pool) ?? 0) + Number(ms) * 1_000);
  }
  return micros;
};

/** What an operation took of each pool between two dumps. */
export const perOperation = (before: MicrosByThread, after: MicrosByThread, operations: number): CpuByProcess =>
  Object.fromEntries([...after].map(([pool, micros]) => [pool, (micros - (before.get(pool) ?? 0)) / operations]));
