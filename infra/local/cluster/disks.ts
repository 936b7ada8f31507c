/**
 * The disks of nodes, as these feel them: a library that each process loads before the C library's own calls (`disk.c`), so that its
 * system calls wait or fail while a file says so. It takes no rights, and a C compiler on a Linux with glibc.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * What is wrong with a disk, in the words of the library: each sync takes 500 ms and each write 20 ms, or nothing finds room that does
 * not have it yet.
 */
const STATES = { slow: '500 20', full: 'full' } as const;
export type DiskState = keyof typeof STATES;

export interface Disks {
  /** For the process of the node of that name. */
  envOf(name: string): Readonly<Record<string, string>>;
  /** From now on, until `repair`. */
  set(name: string, state: DiskState): void;
  repair(name: string): void;
}

const SOURCE = fileURLToPath(new URL('disk.c', import.meta.url));
const COMPILE = ['-shared', '-fPIC', '-O2', '-o'];

/** Whether this machine can make the library. */
export const canBreakDisks = (): boolean =>
  process.platform === 'linux' &&
  // A compiler may be there without the C library's headers.
  spawnSync('cc', [...COMPILE, '/dev/null', SOURCE]).status === 0 &&
  // Other C libraries have no such program.
  spawnSync('getconf', ['GNU_LIBC_VERSION']).status === 0;

/** @param dataDir with a folder for each node, of its name */
export const createDisks = (dataDir: string): Disks => {
  const folder = realpathSync(dataDir);
  const library = join(folder, 'disk.so');
  execFileSync('cc', [...COMPILE, library, SOURCE]);
  const switchOf = (name: string) => join(folder, `${name}.disk`);
  return {
    envOf: (name) => ({ LD_PRELOAD: library, DISK_FOLDER: `${join(folder, name)}/`, DISK_SWITCH: switchOf(name) }),
    set: (name, state) => {
      writeFileSync(`${switchOf(name)}.new`, STATES[state]);
      renameSync(`${switchOf(name)}.new`, switchOf(name));
    },
    repair: (name) => {
      rmSync(switchOf(name), { force: true });
    },
  };
};
