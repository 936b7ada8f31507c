/** Who listens on a port of this machine, as far as the system tells this user. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A command line is cut to this many characters: a Java server's has thousands. */
const MAX_COMMAND = 60;

/** For each port that a process is known of: its command, id and folder. */
export const listenersOn = (ports: readonly number[]): ReadonlyMap<number, string> =>
  process.platform === 'linux' ? byProc(ports) : byLsof(ports);

/** The state LISTEN in /proc/net/tcp (include/net/tcp_states.h). */
const LISTEN = '0A';

const byProc = (ports: readonly number[]): ReadonlyMap<number, string> => {
  const portOfSocket = new Map<string, number>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of textOf(table).split('\n').slice(1)) {
      // proc_net(5): number, local address, remote address, state, …, the tenth is the inode.
      const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/);
      const port = Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16);
      if (state === LISTEN && inode !== undefined && ports.includes(port)) portOfSocket.set(`socket:[${inode}]`, port);
    }
  }
  const found = new Map<number, string>();
  for (const pid of namesIn('/proc').filter((name) => /^\d+$/.test(name))) {
    if (found.size === ports.length) break;
    for (const descriptor of namesIn(`/proc/${pid}/fd`)) {
      const port = portOfSocket.get(linkOf(`/proc/${pid}/fd/${descriptor}`));
      if (port === undefined) continue;
      const command = textOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
      found.set(port, describe(command, pid, linkOf(`/proc/${pid}/cwd`)));
    }
  }
  return found;
};

const byLsof = (ports: readonly number[]): ReadonlyMap<number, string> =>
  new Map(
    ports.flatMap((port) => {
      const args = ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc'];
      const { stdout } = spawnSync('lsof', args, { encoding: 'utf8' });
      const [, pid, command] = /^p(\d+)\nc(.*)$/m.exec(stdout || '') ?? [];
      return pid === undefined || command === undefined ? [] : [[port, describe(command, pid, '')] as const];
    }),
  );

const describe = (command: string, pid: string, folder: string): string => {
  const short = command.length > MAX_COMMAND ? `${command.slice(0, MAX_COMMAND)}…` : command;
  return `process ${pid}${folder === '' ? '' : ` in ${folder}`} (${short})`;
};

const textOf = (file: string): string => attempt(() => readFileSync(file, 'utf8'), '');
const namesIn = (folder: string): string[] => attempt(() => readdirSync(folder), []);
const linkOf = (path: string): string => attempt(() => readlinkSync(path), '');

/** Other users' processes cannot be looked into, and each may end meanwhile. */
const attempt = <T>(look: () => T, otherwise: T): T => {
  try {
    return look();
  } catch {
    return otherwise;
  }
};
