/** The processes of a test run, found in /proc (Linux). */
import { readdirSync, readFileSync } from 'node:fs';

export interface RunningProcess {
  readonly pid: number;
  /** Name of its program. */
  readonly name: string;
  readonly commandLine: string;
}

interface Entry extends RunningProcess {
  readonly parent: number;
  readonly isMarked: boolean;
}

const readEntry = (pid: number, mark: string): Entry | undefined => {
  const read = (file: string): string => readFileSync(`/proc/${pid}/${file}`, 'utf8');
  try {
    // The name stands in brackets and may hold some itself; the state and the parent follow it (proc(5)).
    const stat = read('stat');
    const [state = '', parent = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z') return undefined;
    return {
      pid,
      name: stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')),
      commandLine: read('cmdline')
        .replaceAll(/[\0\s]+/g, ' ')
        .trim(),
      parent: Number(parent),
      isMarked: read('environ').split('\0').includes(mark),
    };
  } catch {
    // It ended meanwhile, or is somebody else's.
    return undefined;
  }
};

/**
 * Everything that descends from `root`, and what was started detached from it, known by a variable of its environment.
 * @param mark `NAME=value`
 */
export const processesOf = (root: number, mark: string): RunningProcess[] => {
  const entries = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readEntry(Number(name), mark) ?? []);
  const found = new Set([root, ...entries.filter(({ isMarked }) => isMarked).map(({ pid }) => pid)]);
  for (let size = 0; size !== found.size;) {
    size = found.size;
    for (const { pid, parent } of entries) if (found.has(parent)) found.add(pid);
  }
  return entries.filter(({ pid }) => found.has(pid));
};
