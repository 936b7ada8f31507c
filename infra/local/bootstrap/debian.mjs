/**
 * Packages of Debian and its relatives: installed when we are root, asked for when not. A new machine upgrades itself
 * in the background and holds the locks of the package manager for minutes meanwhile: that is waited for.
 */
import { spawn, spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from './fail.mjs';

/** How long to wait for the locks, how often to try, and how often to say that it goes on, in milliseconds. */
const LOCK_DEADLINE_MS = 900_000;
const LOCK_POLL_MS = 2_000;
const LOCK_WORD_MS = 60_000;

/**
 * Makes sure that packages are installed. Does nothing on other systems: what is missing shows when it is used.
 * @param {readonly string[]} packages @param {string} purpose such as `to build the Kafka client`
 * @throws UserError with the command to run when we may not install them
 */
export const ensureDebianPackages = async (packages, purpose) => {
  const missing = packages.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0)
    throw new UserError(
      `Debian packages are missing ${purpose}: ` +
        `sudo apt-get -o DPkg::Lock::Timeout=${LOCK_DEADLINE_MS / 1_000} install --yes ${missing.join(' ')}`,
    );
  await installDebianPackages(missing, purpose);
};

/**
 * Installs packages; takes root.
 * @param {readonly string[]} packages @param {string} purpose
 * @throws UserError with the words of apt
 */
export const installDebianPackages = async (packages, purpose) => {
  const list = packages.join(' ');
  console.error(`  Installing Debian packages ${purpose}: ${list}`);
  // What cannot be updated may be there all the same.
  await aptGet(['update', '--quiet']);
  const { code, stderr } = await aptGet(['install', '--yes', '--quiet', '--no-install-recommends', ...packages]);
  if (code !== 0) throw new UserError(`apt-get could not install ${list}: ${stderr.trim()}`);
};

/**
 * Runs apt-get, as soon as nobody else holds one of its locks. Its option `DPkg::Lock::Timeout` covers one of the three
 * and says nothing, so each run that met a lock is repeated.
 * @param {readonly string[]} args
 * @param {string} [cwd]
 * @returns {Promise<{ code: number | undefined, stderr: string }>} no code where there is no apt-get
 */
export const aptGet = async (args, cwd) => {
  const startedAt = performance.now();
  let saidAt = -Infinity;
  for (;;) {
    const result = await run(args, cwd);
    const [, lock] = /^E: (Could not get lock .*)$/m.exec(result.stderr) ?? [];
    const now = performance.now();
    if (result.code === 0 || lock === undefined || now - startedAt > LOCK_DEADLINE_MS) return result;
    if (now - saidAt > LOCK_WORD_MS) {
      const holder = /process (\d+ \([^)]*\))/.exec(lock)?.[1];
      const by = holder === undefined ? '' : ` with process ${holder}`;
      console.error(`  The package manager is busy${by}: waiting until it is free`);
      saidAt = now;
    }
    await sleep(LOCK_POLL_MS);
  }
};

/** @param {readonly string[]} args @param {string | undefined} cwd @returns {Promise<{ code: number | undefined, stderr: string }>} */
const run = (args, cwd) =>
  new Promise((resolve) => {
    // In English, as its words are read here.
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
    const child = spawn('apt-get', args, { env, cwd, stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (chunk) => (stderr += chunk));
    child.once('error', (error) => resolve({ code: undefined, stderr: error.message }));
    child.once('close', (code) => resolve({ code: code ?? 1, stderr }));
  });

/** Whether a package is installed; true on systems without dpkg, which name theirs otherwise. @param {string} name */
const isInstalled = (name) => {
  const { error, stdout } = spawnSync('dpkg-query', ['--show', '--showformat=${Status}', name], { encoding: 'utf8' });
  return error !== undefined || stdout.endsWith('ok installed');
};
