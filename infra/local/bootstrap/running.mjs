/**
 * What `npm start` leaves for the other commands of this clone: `.data/start.json` says which process runs the stack, and
 * the variables that lead to it. Readable by its owner alone, as the addresses hold passwords.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * @typedef {object} Running
 * @property {number} pid of `npm start`
 * @property {string} bornAt tells this process from a later one with the same id
 * @property {Record<string, string> | null} variables null until everything is ready
 */

/** @param {string} root the clone */
const fileIn = (root) => join(root, '.data/start.json');

/**
 * The running stack of a clone; nothing when none runs. A file that a killed process left behind is not believed.
 * @param {string} root the clone
 * @returns {Running | undefined}
 */
export const runningStack = (root) => {
  const running = read(fileIn(root));
  return running?.bornAt !== undefined && running.bornAt === birthOf(running.pid) ? running : undefined;
};

/**
 * Says that this process runs the stack, until it ends.
 * @param {string} root the clone @param {Record<string, string> | null} variables null while it starts
 */
export const announceStack = (root, variables) => {
  const file = fileIn(root);
  /** @type {Running} */
  const running = { pid: process.pid, bornAt: birthOf(process.pid) ?? '', variables };
  mkdirSync(dirname(file), { recursive: true });
  // Renamed, so that no reader finds half of it.
  writeFileSync(`${file}.incomplete`, `${JSON.stringify(running, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.incomplete`, file);
  if (!isAnnounced)
    process.on('exit', () => {
      if (read(file)?.pid === process.pid) rmSync(file, { force: true });
    });
  isAnnounced = true;
};
let isAnnounced = false;

/** The variables that say where the servers are. */
const ADDRESSES = ['DATABASE_URL', 'DATABASE_URL_FILE', 'KAFKA_BROKERS', 'ELASTICSEARCH_URL'];

/**
 * The environment of a command that works on the running stack. What is set already wins; and where it names a server,
 * nothing of the stack is taken: a command must never compare or repair one system by the other's servers.
 * @param {NodeJS.ProcessEnv} env @param {Record<string, string> | null | undefined} variables
 * @returns {NodeJS.ProcessEnv}
 */
export const withStack = (env, variables) => {
  if (!variables || ADDRESSES.some((name) => env[name])) return env;
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  return { ...env, ...variables, ...given };
};

/**
 * Lines for a shell to evaluate.
 * @param {Record<string, string>} variables
 */
export const exportLines = (variables) =>
  Object.entries(variables).map(([name, value]) => `export ${name}='${value.replaceAll("'", `'\\''`)}'`);

/** @param {string} file @returns {Running | undefined} */
const read = (file) => {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) ?? undefined;
  } catch {
    return undefined;
  }
};

/**
 * When a process began, in words that differ for each process of an id; nothing when there is none.
 * @param {number} pid
 */
const birthOf = (pid) => {
  if (process.platform === 'linux') {
    try {
      // proc_pid_stat(5): the 22nd field; the second, the name in parentheses, may hold blanks.
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const [state = '', ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      // One that has ended, and whose parent has not asked for its exit code.
      return ['Z', 'X'].includes(state) ? undefined : rest[18];
    } catch {
      return undefined;
    }
  }
  const { status, stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
};
