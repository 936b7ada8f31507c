/**
 * The cache outside the clone: jars, and the Kafka client when it had to be built.
 * An entry is made in a folder beside its final place and renamed when complete, so whoever finds it finds it whole;
 * a lock keeps two processes from making the same entry twice.
 */
import { mkdir, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** How often the owner of a lock shows that it lives, in milliseconds. */
const HEARTBEAT_MS = 2_000;
/** A lock without a sign of life for this long is taken over. */
const STALE_MS = 15_000;

/** Folder of the cache: `TASKSTREAM_CACHE`, or `taskstream` in the user's cache folder. */
export const cacheRoot = (env = process.env) =>
  env.TASKSTREAM_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'taskstream');

/**
 * Returns the folder of entry `name`, making it first when it is absent.
 * @param {string} name of the entry: the version of what is inside belongs in it
 * @param {(folder: string) => Promise<void>} make fills an empty folder, which becomes the entry when it resolves
 * @param {{ root?: string, onWait?: () => void }} [options] `onWait` is called when another process makes the entry
 * @returns {Promise<string>}
 */
export const cached = async (name, make, { root = cacheRoot(), onWait } = {}) => {
  const entry = join(root, name);
  if (existsSync(entry)) return entry;
  await mkdir(dirname(entry), { recursive: true });
  const unlock = await lock(`${entry}.lock`, onWait);
  try {
    if (existsSync(entry)) return entry;
    const staging = `${entry}.incomplete`;
    await rm(staging, { recursive: true, force: true });
    await mkdir(staging);
    await make(staging);
    await rename(staging, entry);
    return entry;
  } finally {
    await unlock();
  }
};

/**
 * Waits until the lock file is ours; returns its release.
 * @param {string} path @param {() => void} [onWait]
 */
const lock = async (path, onWait) => {
  const token = `${process.pid} ${Date.now()} ${Math.random()}`;
  for (let waited = false; !(await tryLock(path, token)); waited = true) {
    if (!waited) onWait?.();
    await breakIfStale(path);
    await sleep(250);
  }
  const heartbeat = setInterval(() => {
    utimes(path, new Date(), new Date()).catch(() => undefined);
  }, HEARTBEAT_MS);
  heartbeat.unref();
  return async () => {
    clearInterval(heartbeat);
    // Only our own: a machine that slept may have lost the lock to another process.
    if ((await readFile(path, 'utf8').catch(() => '')) === token) await rm(path, { force: true });
  };
};

/** @param {string} path @param {string} token */
const tryLock = async (path, token) => {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(token);
    await file.close();
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
};

/**
 * Removes a lock whose owner died. Age and not the process id tells, as containers may share the folder.
 * @param {string} path
 */
const breakIfStale = async (path) => {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined || Date.now() - info.mtimeMs < STALE_MS) return;
  // The rename lets only one of several waiting processes break it.
  const grave = `${path}.${process.pid}`;
  await rename(path, grave).catch(() => undefined);
  await rm(grave, { force: true });
};

/** @param {unknown} error */
const codeOf = (error) => (error instanceof Error && 'code' in error ? error.code : undefined);
