/**
 * Prometheus, promtool and Elasticsearch's exporter: those on the PATH, or else Debian's packages, unpacked into the cache
 * and never installed. `node test/alerts/support/prometheus.mjs` says whether they can be had.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached } from '../../../infra/local/bootstrap/cache.mjs';
import { aptGet } from '../../../infra/local/bootstrap/debian.mjs';
import { UserError } from '../../../infra/local/bootstrap/fail.mjs';

/**
 * Paths of both programs.
 * @returns {Promise<{ prometheus: string, promtool: string }>}
 * @throws {UserError} with the reason when they cannot be had on this machine
 */
export const findPrometheus = async () => {
  const [prometheus, promtool] = ['prometheus', 'promtool'].map(onPath);
  if (prometheus !== undefined && promtool !== undefined) return { prometheus, promtool };
  const folder = await unpacked('prometheus', 'promtool', 'put prometheus and promtool on the PATH');
  return { prometheus: join(folder, 'prometheus'), promtool: join(folder, 'promtool') };
};

/**
 * Path of elasticsearch_exporter. Debian's may be older than that of the manifests.
 * @returns {Promise<string>}
 * @throws {UserError} as above
 */
export const findExporter = async () => {
  const name = 'prometheus-elasticsearch-exporter';
  return (
    onPath('elasticsearch_exporter') ?? join(await unpacked(name, name, 'put elasticsearch_exporter on the PATH'), name)
  );
};

/**
 * Folder of the programs of a package of Debian's.
 * @param {string} name @param {string} program one of them, to see whether they run @param {string} hint
 */
const unpacked = async (name, program, hint) => {
  const folder = await cached(`debian-${name}-${process.arch}`, (empty) => unpack(name, hint, empty));
  const { status, error, stderr } = spawnSync(join(folder, 'usr/bin', program), ['--version'], { encoding: 'utf8' });
  if (status !== 0)
    throw new UserError(`Debian's ${program} does not run here (${error?.message ?? stderr}): ${hint}.`);
  return join(folder, 'usr/bin');
};

/** @param {string} name */
const onPath = (name) =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));

/** @param {string} name of the package @param {string} hint @param {string} folder */
const unpack = async (name, hint, folder) => {
  // As root, apt would otherwise complain that its own user cannot write here.
  const download = () => aptGet(['-o', 'APT::Sandbox::User=root', 'download', name], folder);
  let result = await download();
  if (result.code !== undefined && result.code !== 0) {
    await aptGet(['update', '--quiet']);
    result = await download();
  }
  if (result.code === undefined) throw new UserError(`there is no apt-get here: ${hint}.`);
  if (result.code !== 0) throw new UserError(`apt-get cannot download ${name} (${result.stderr.trim()}): ${hint}.`);
  const archive = (await readdir(folder)).find((file) => file.endsWith('.deb')) ?? '';
  const { status, stderr } = spawnSync('dpkg-deb', ['-x', archive, '.'], { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new UserError(`dpkg-deb cannot unpack ${archive} (${stderr.trim()}): ${hint}.`);
  await rm(join(folder, archive));
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await findPrometheus();
    await findExporter();
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}
