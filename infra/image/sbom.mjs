/**
 * Prints the bill of materials (CycloneDX) of what runs in production, from package-lock.json: `npm run --silent sbom`.
 * `npm sbom --omit dev` alone would leave out each package that a development dependency needs too (npm/cli, issue 7909).
 * So it gets a lock file that has no others, in a folder with the product's name, which it takes from there.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
/** @param {string} name */
const read = (name) => JSON.parse(readFileSync(join(root, name), 'utf8'));

const manifest = { ...read('package.json'), devDependencies: undefined };
const lock = read('package-lock.json');
lock.packages[''].devDependencies = undefined;
lock.packages = Object.fromEntries(Object.entries(lock.packages).filter(([, { dev }]) => dev !== true));

const outer = mkdtempSync(join(tmpdir(), 'sbom-'));
try {
  const folder = join(outer, manifest.name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock));
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only'];
  const { status } = spawnSync('npm', args, { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] });
  process.exitCode = status ?? 1;
} finally {
  rmSync(outer, { recursive: true });
}
