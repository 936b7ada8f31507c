/**
 * Makes sure that no child outlives this process, even when it is killed with SIGKILL and can do nothing itself.
 * A tiny shell waits on a pipe from this process. It is sent the list of process groups whenever that changes; the end
 * of the pipe means that this process is gone, and the shell then interrupts what is left on the list, lets go on what
 * stands still, and kills what does not end in time. It runs in a session of its own, where a Ctrl-C does not reach it.
 */
import { spawn } from 'node:child_process';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';

/** Seconds that a left-over process has from SIGINT (a fast shutdown to all our children) to SIGKILL. */
const GRACE_S = 10;

const SCRIPT = `
while read -r line; do groups=$line; done
alive() { for group in $groups; do kill -s 0 -- "-$group" 2>/dev/null && return 0; done; return 1; }
for group in $groups; do kill -s INT -- "-$group" 2>/dev/null; kill -s CONT -- "-$group" 2>/dev/null; done
end=$(( $(date +%s) + ${GRACE_S} ))
while alive && [ "$(date +%s)" -lt "$end" ]; do sleep 0.2; done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
`;

const groups = new Set<number>();
let pipe: Writable | undefined;

const startReaper = (): Writable => {
  const shell = spawn('/bin/sh', ['-c', SCRIPT], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  // This process may end while the shell waits, and must not fail when somebody kills the shell.
  shell.unref();
  shell.on('error', () => undefined);
  shell.stdin.on('error', () => undefined);
  // The pipe of a child is a socket, which its type does not say.
  if (shell.stdin instanceof Socket) shell.stdin.unref();
  return shell.stdin;
};

const send = () => {
  pipe ??= startReaper();
  pipe.write(`${[...groups].join(' ')}\n`);
};

/** Puts the process group of a child under watch; the child must lead it (`detached: true`). Returns the release. */
export const watchGroup = (pid: number): (() => void) => {
  groups.add(pid);
  send();
  return () => {
    if (groups.delete(pid)) send();
  };
};
