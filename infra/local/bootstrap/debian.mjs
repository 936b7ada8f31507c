/** Packages of Debian and its relatives: installed when we are root, asked for when not. */
import { spawnSync } from 'node:child_process';
import { UserError } from './fail.mjs';

/**
 * Makes sure that packages are installed. Does nothing on other systems: what is missing shows when it is used.
 * @param {readonly string[]} packages @param {string} purpose such as `to build the Kafka client`
 * @throws UserError with the command to run when we may not install them
 */
export const ensureDebianPackages = (packages, purpose) => {
  const missing = packages.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  const list = missing.join(' ');
  if (process.getuid?.() !== 0)
    throw new UserError(`Debian packages are missing ${purpose}: sudo apt-get install --yes ${list}`);
  console.error(`  Installing Debian packages ${purpose}: ${list}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = { env, encoding: /** @type {const} */ ('utf8') };
  spawnSync('apt-get', ['update', '--quiet'], options);
  const { status, stderr } = spawnSync(
    'apt-get',
    ['install', '--yes', '--quiet', '--no-install-recommends', ...missing],
    options,
  );
  if (status !== 0) throw new UserError(`apt-get could not install ${list}: ${stderr.trim()}`);
};

/** Whether a package is installed; true on systems without dpkg, which name theirs otherwise. @param {string} name */
const isInstalled = (name) => {
  const { error, stdout } = spawnSync('dpkg-query', ['--show', '--showformat=${Status}', name], { encoding: 'utf8' });
  return error !== undefined || stdout.endsWith('ok installed');
};
