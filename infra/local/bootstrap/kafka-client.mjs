/**
 * The native part of the Kafka client. In this order: what is there already and loads; a copy in the cache; the
 * publisher's prebuilt binary; a build from source. Whatever worked is kept in the cache for the next clone.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { cached, cacheRoot } from './cache.mjs';
import { buildKafkaClient } from './kafka-client-build.mjs';

/** Bound on the download of the prebuilt binary, in milliseconds. */
const DOWNLOAD_MS = 90_000;
/** What of the package's `build` folder is needed to run: the binding, and librdkafka when it was built here. */
const PARTS = ['Release/confluent-kafka-javascript.node', 'deps'];
const LIBRARY = /\.(so[.\d]*|dylib|dll|node)$/;

/**
 * Makes `@confluentinc/kafka-javascript` loadable.
 * @param {string} modules the `node_modules` folder
 * @throws UserError when it could not be built
 */
export const ensureKafkaClient = async (modules) => {
  const folder = join(modules, '@confluentinc/kafka-javascript');
  if (loads(folder)) return;
  const name = cacheName(folder);
  const entry = join(cacheRoot(), name);
  if (existsSync(entry)) {
    copyParts(entry, join(folder, 'build'));
    if (loads(folder)) return;
    // Made on a machine with other system libraries.
    rmSync(entry, { recursive: true, force: true });
  }
  const make = async (/** @type {string} */ staging) => {
    rmSync(join(folder, 'build'), { recursive: true, force: true });
    if (!download(folder, modules)) await buildKafkaClient(folder, modules);
    copyParts(join(folder, 'build'), staging);
  };
  const onWait = () => console.error('  waiting for another process that builds the Kafka client');
  copyParts(await cached(name, make, { onWait }), join(folder, 'build'));
};

/** Tried in another process: a binary for another system can end the process that loads it. @param {string} folder */
const loads = (folder) =>
  spawnSync(process.execPath, ['-e', `require(${JSON.stringify(folder)})`], { timeout: 30_000 }).status === 0;

/** @param {string} from @param {string} to */
const copyParts = (from, to) => {
  for (const part of PARTS)
    if (existsSync(join(from, part))) {
      // A library that is loaded by a running process must not be written into.
      rmSync(join(to, part), { recursive: true, force: true });
      const filter = (/** @type {string} */ file) => LIBRARY.test(file) || statSync(file).isDirectory();
      cpSync(join(from, part), join(to, part), { recursive: true, verbatimSymlinks: true, filter });
    }
};

/** @param {string} folder */
const cacheName = (folder) => {
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  /** @type {any} */
  const report = process.platform === 'linux' ? process.report.getReport() : {};
  const libc = process.platform !== 'linux' ? 'system' : report.header?.glibcVersionRuntime ? 'glibc' : 'musl';
  return `kafka-client-${version}-abi${process.versions.modules}-${process.platform}-${process.arch}-${libc}`;
};

/**
 * Fetches the prebuilt binary, as the package's own install script does. Says whether it is there and loads.
 * @param {string} folder @param {string} modules
 */
const download = (folder, modules) => {
  console.error('  Kafka client: fetching its prebuilt binary');
  const cli = join(modules, '@mapbox/node-pre-gyp/bin/node-pre-gyp');
  spawnSync(process.execPath, [cli, 'install'], { cwd: folder, timeout: DOWNLOAD_MS, killSignal: 'SIGKILL' });
  return loads(folder);
};
