/**
 * Runs the real program as a child, so that it gets each signal once and never outlives us.
 *
 * A Ctrl-C in a terminal reaches every process of the foreground group, npm among them, and npm sends it on to its own
 * child: the program would get it twice and take that for "exit at once". So the program gets a session of its own,
 * signals that arrive together are sent on as one, and nothing else reaches it. It learns of our death, even by
 * SIGKILL, from the pipe between us (`with-parent.mjs`); we learn of npm's death from our parent's process id.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

/** The same Ctrl-C arrives from the terminal and from npm within this time, in milliseconds. */
const ECHO_MS = 400;
const PARENT_CHECK_MS = 500;
const WITH_PARENT = new URL('with-parent.mjs', import.meta.url).href;

/**
 * Runs `node ARGS` until it ends.
 * @param {string} name for messages
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<{ code: number, messages: { summary?: import('./summary.mjs').Summary }[] }>} the exit code (128 + n after signal n), and what the program sent
 */
export const supervise = async (name, args, env = process.env) => {
  const child = spawn(process.execPath, ['--import', WITH_PARENT, ...args], {
    cwd: fileURLToPath(new URL('../../..', import.meta.url)),
    detached: true,
    env: { ...env, TASKSTREAM_PARENT: String(process.pid) },
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  /** @type {{ summary?: import('./summary.mjs').Summary }[]} */
  const messages = [];
  child.on('message', (/** @type {{ summary?: import('./summary.mjs').Summary }} */ message) => messages.push(message));

  let lastAt = -Infinity;
  const forward = (/** @type {NodeJS.Signals} */ signal) => {
    const now = performance.now();
    if (now - lastAt > ECHO_MS) child.kill(signal);
    lastAt = now;
  };
  process.on('SIGINT', () => forward('SIGINT'));
  process.on('SIGTERM', () => forward('SIGTERM'));
  process.on('SIGHUP', () => forward('SIGTERM'));
  if (process.env.npm_lifecycle_event) whenParentDies(() => lastAt === -Infinity && forward('SIGTERM'));

  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (signal !== null) {
        console.error(`\ntaskstream: ${name} was ended by ${signal}; what it had started is being stopped.`);
        killGroup(child.pid);
      }
      resolve({ code: code ?? 128 + constants.signals[signal ?? 'SIGTERM'], messages });
    });
  });
};

/** npm may be killed without a word to us; our parent is then another process. @param {() => void} stop */
const whenParentDies = (stop) => {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    stop();
  }, PARENT_CHECK_MS);
  timer.unref();
};

/** What shares the program's group: Maven, while it fetches. The servers have groups and a reaper of their own. */
const killGroup = (/** @type {number | undefined} */ pid) => {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left.
  }
};
