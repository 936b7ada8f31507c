/** CPU time of processes: it holds on a noisy machine, where what they do a second does not. */
import { readdirSync, readFileSync } from 'node:fs';

/** Microseconds of CPU an operation, by the name of the process. */
export type CpuByProcess = Readonly<Record<string, number>>;

/** Clock ticks a second of /proc/PID/stat: USER_HZ, 100 on Linux (proc(5)). */
const MICROS_PER_TICK = 1_000_000 / 100;

/** Fields of /proc/PID/stat from the fourth on, its parent: counted behind the name in parentheses. */
const statOf = (pid: number): number[] | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat
      .slice(stat.lastIndexOf(')') + 4)
      .split(' ')
      .map(Number);
  } catch {
    return undefined;
  }
};

/**
 * Microseconds of CPU that a process and all below it have used, those included that have ended; 0 for one that is gone.
 * User and system time are fields 14 and 15, those of children that were waited for are 16 and 17.
 */
export const cpuMicros = (pid: number): number => {
  const stats = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : undefined;
    if (stat !== undefined) stats.set(Number(name), stat);
  }
  const ticksBelow = (parent: number): number => {
    const own = stats.get(parent)?.slice(10, 14) ?? [];
    const children = [...stats].filter(([, [of]]) => of === parent).map(([child]) => ticksBelow(child));
    return [...own, ...children].reduce((sum, ticks) => sum + ticks, 0);
  };
  return ticksBelow(pid) * MICROS_PER_TICK;
};

/** @param names of the processes; all when not given */
export const sumOfCpu = (cpu: CpuByProcess, names: readonly string[] = Object.keys(cpu)): number =>
  names.reduce((sum, name) => sum + (cpu[name] ?? Number.NaN), 0);
