/**
 * Lints the workflows of the forge by actionlint, which Go builds once from its module. Nothing is asked of the forge.
 * `node test/support/actionlint.mjs check` says whether this machine can.
 */
import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cached } from '../../infra/local/bootstrap/cache.mjs';
import { UserError } from '../../infra/local/bootstrap/fail.mjs';

const MODULE = 'github.com/rhysd/actionlint/cmd/actionlint';
const VERSION = 'v1.7.12';

const root = join(import.meta.dirname, '../..');

const checkGo = () => {
  if (spawnSync('go', ['version']).status !== 0) throw new UserError('there is no Go, which builds actionlint.');
};

/** @param {string} folder */
const build = async (folder) => {
  const env = { ...process.env, GOBIN: folder, GOFLAGS: '' };
  await promisify(execFile)('go', ['install', `${MODULE}@${VERSION}`], { env }).catch((error) => {
    throw new UserError(`Go cannot build actionlint ${VERSION}: ${String(error.stderr ?? error.message).trim()}`);
  });
};

try {
  checkGo();
  const folder = await cached(`actionlint-${VERSION}-${process.platform}-${process.arch}`, build);
  if (process.argv[2] !== 'check') {
    // Without the linters of shell and Python: what it finds does not depend on what else the machine has.
    const args = ['-shellcheck=', '-pyflakes=', ...process.argv.slice(2)];
    const { status } = spawnSync(join(folder, 'actionlint'), args, { cwd: root, stdio: 'inherit' });
    process.exitCode = status ?? 1;
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
