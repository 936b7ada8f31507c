/**
 * PostgreSQL refuses to run as root. Started by root, it runs as the system's `postgres` user or else as `nobody`.
 * That user may not reach the clone or the data (a clone under `/root`, a private temporary folder), so the one
 * capability to pass folder permissions is kept, where the system's `setpriv` can do that.
 */
import { spawnSync } from 'node:child_process';
import { chownSync } from 'node:fs';

export interface ServerUser {
  /** The command that runs `command` as this user, in the same process. */
  wrap(
    command: string,
    args: readonly string[],
  ): { command: string; args: readonly string[]; uid?: number; gid?: number };
  /** Hands a folder to this user. */
  own(folder: string): void;
}

/** The user to run PostgreSQL as: ourselves, unless we are root. */
export const serverUser = (): ServerUser => {
  if (process.getuid?.() !== 0) return { wrap: (command, args) => ({ command, args }), own: () => undefined };
  const ids = idsOf('postgres') ?? idsOf('nobody');
  if (ids === undefined) throw new Error('neither a user postgres nor a user nobody exists');
  const own = (folder: string) => {
    chownSync(folder, ids.uid, ids.gid);
  };
  const keep = [
    `--reuid=${ids.uid}`,
    `--regid=${ids.gid}`,
    '--clear-groups',
    '--inh-caps=-all,+dac_override',
    '--ambient-caps=-all,+dac_override',
  ];
  if (spawnSync('setpriv', [...keep, 'true']).status === 0)
    return { wrap: (command, args) => ({ command: 'setpriv', args: [...keep, command, ...args] }), own };
  return { wrap: (command, args) => ({ command, args, ...ids }), own };
};

const idsOf = (name: string): { uid: number; gid: number } | undefined => {
  const ids = ['-u', '-g'].map((flag) => Number.parseInt(spawnSync('id', [flag, name], { encoding: 'utf8' }).stdout));
  const [uid, gid] = ids;
  return uid === undefined || gid === undefined || Number.isNaN(uid) || Number.isNaN(gid) ? undefined : { uid, gid };
};
