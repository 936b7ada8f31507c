/**
 * Prometheus and promtool: those on the PATH, or else Debian's package `prometheus`, unpacked into the cache and never
 * installed. `node test/alerts/support/prometheus.mjs` says whether they can be had.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached } from '../../../infra/local/bootstrap/cache.mjs';
import { aptGet } from '../../../infra/local/bootstrap/debian.mjs';
import { UserError } from '../../../infra/local/bootstrap/fail.mjs';

const PACKAGE = 'prometheus';
const HINT = 'put prometheus and promtool on the PATH';

/**
 * Paths of both programs.
 * @returns {Promise<{ prometheus: string, promtool: string }>}
 * @throws {UserError} with the reason when they cannot be had on this machine
 */
export const findPrometheus = async () => {
  const [prometheus, promtool] = ['prometheus', 'promtool'].map(onPath);
  if (prometheus !== undefined && promtool !== undefined) return { prometheus, promtool };
  const folder = await cached(`debian-prometheus-${process.arch}`, unpack);
  const programs = { prometheus: join(folder, 'usr/bin/prometheus'), promtool: join(folder, 'usr/bin/promtool') };
  const { status, error, stderr } = spawnSync(programs.promtool, ['--version'], { encoding: 'utf8' });
  if (status !== 0) throw new UserError(`Debian's promtool does not run here (${error?.message ?? stderr}): ${HINT}.`);
  return programs;
};

/** @param {string} name */
const onPath = (name) =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));

/** @param {string} folder */
const unpack = async (folder) => {
  // As root, apt would otherwise complain that its own user cannot write here.
  const download = () => aptGet(['-o', 'APT::Sandbox::User=root', 'download', PACKAGE], folder);
  let result = await download();
  if (result.code !== undefined && result.code !== 0) {
    await aptGet(['update', '--quiet']);
    result = await download();
  }
  if (result.code === undefined) throw new UserError(`there is no apt-get here: ${HINT}.`);
  if (result.code !== 0) throw new UserError(`apt-get cannot download ${PACKAGE} (${result.stderr.trim()}): ${HINT}.`);
  const archive = (await readdir(folder)).find((name) => name.endsWith('.deb')) ?? '';
  const { status, stderr } = spawnSync('dpkg-deb', ['-x', archive, '.'], { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new UserError(`dpkg-deb cannot unpack ${archive} (${stderr.trim()}): ${HINT}.`);
  await rm(join(folder, archive));
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await findPrometheus();
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}
