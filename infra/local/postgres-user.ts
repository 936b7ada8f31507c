/**
 * PostgreSQL refuses to run as root. Started by root, it runs as the system's `postgres` user or else as `nobody`.
 * Where that user may not reach the clone or the data (a clone under `/root`, a private temporary folder), the one
 * capability to pass folder permissions is kept, if the system's `setpriv` can do that. Nowhere else: whoever is
 * PostgreSQL's superuser has what its process has.
 */
import { spawnSync } from 'node:child_process';
import { chownSync } from 'node:fs';
import { dirname } from 'node:path';
import { UserError } from './bootstrap/fail.mjs';

/** A command, as `spawn` takes it. */
interface Wrapped {
  command: string;
  args: readonly string[];
  uid?: number;
  gid?: number;
}

export interface ServerUser {
  /** The command that runs `command` as this user, in the same process. */
  wrap(command: string, args: readonly string[]): Wrapped;
  /** Hands a file or folder to this user. */
  own(path: string): void;
  /** @throws UserError that says what to do where this user cannot enter the folder */
  check(folder: string): void;
}

/** The user to run PostgreSQL as: ourselves, unless we are root. */
export const serverUser = (): ServerUser => {
  if (process.getuid?.() !== 0)
    return { wrap: (command, args) => ({ command, args }), own: () => undefined, check: () => undefined };
  const [name, ids] = userOf('postgres') ?? userOf('nobody') ?? [];
  if (name === undefined || ids === undefined)
    throw new UserError(
      'PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody: start as another user.',
    );
  const own = (path: string) => {
    chownSync(path, ids.uid, ids.gid);
  };
  const keep = [
    `--reuid=${ids.uid}`,
    `--regid=${ids.gid}`,
    '--clear-groups',
    '--inh-caps=-all,+dac_read_search',
    '--ambient-caps=-all,+dac_read_search',
    // initdb asks access(2) whether it may run the server, which leaves capabilities out of account without this.
    '--securebits=+no_setuid_fixup',
  ];
  let keeps = false;
  const wrap: ServerUser['wrap'] = (command, args) =>
    keeps ? { command: 'setpriv', args: [...keep, command, ...args] } : { command, args, ...ids };
  const mayEnter = (folder: string) => {
    const { command, args, ...as } = wrap('test', ['-x', folder]);
    return spawnSync(command, args, { ...as, cwd: '/' }).status === 0;
  };
  const check = (folder: string) => {
    const closed = ancestorsOf(folder).find((ancestor) => !mayEnter(ancestor));
    if (closed === undefined) return;
    if (!keeps && spawnSync('setpriv', [...keep, 'true']).status === 0) {
      keeps = true;
      check(folder);
      return;
    }
    throw new UserError(
      `PostgreSQL does not run as root, and the user ${name}, as whom it runs, may not enter ${closed}: ` +
        'work in a folder that everybody may enter, or as another user; or install setpriv (Debian: util-linux), which ' +
        'lets PostgreSQL in by the capabilities SETPCAP and DAC_READ_SEARCH; or set DATABASE_URL to a server of yours.',
    );
  };
  return { wrap, own, check };
};

/** A folder and all above it, the root first. */
const ancestorsOf = (folder: string): string[] =>
  dirname(folder) === folder ? [folder] : [...ancestorsOf(dirname(folder)), folder];

const userOf = (name: string): readonly [name: string, ids: { uid: number; gid: number }] | undefined => {
  const ids = ['-u', '-g'].map((flag) => Number.parseInt(spawnSync('id', [flag, name], { encoding: 'utf8' }).stdout));
  const [uid, gid] = ids;
  return uid === undefined || gid === undefined || Number.isNaN(uid) || Number.isNaN(gid)
    ? undefined
    : [name, { uid, gid }];
};
