/** Builds the native part of the Kafka client from the source in its npm package. */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ensureDebianPackages } from './debian.mjs';
import { UserError } from './fail.mjs';

const HEADERS = ['libssl-dev', 'libsasl2-dev', 'zlib1g-dev', 'libzstd-dev', 'liblz4-dev', 'libcurl4-openssl-dev'];
const TOOLS = ['g++', 'make', 'python3'];
/** How often to say that the build goes on, in milliseconds. */
const PROGRESS_MS = 15_000;

/**
 * Takes two to three minutes on two cores.
 * @param {string} folder of the package @param {string} modules the `node_modules` folder
 * @throws UserError when something it needs is missing, or the compiler fails
 */
export const buildKafkaClient = async (folder, modules) => {
  console.error('  Kafka client: no prebuilt binary could be had; building it from source (once, about 3 minutes)');
  await ensureDebianPackages([...HEADERS, ...TOOLS], 'to build the Kafka client');
  const logFile = join(modules, '.kafka-client-build.log');
  const cli = join(modules, '@mapbox/node-pre-gyp/bin/node-pre-gyp');
  const args = [cli, 'install', '--build-from-source', ...headersOfNode()];
  const env = {
    ...process.env,
    // Against the system's libraries: the static build would fetch their sources from the code host.
    CKJS_LINKING: 'dynamic',
    // Its makefile lacks a dependency: with several jobs it fails.
    JOBS: '1',
    MAKEFLAGS: '',
    ...nodeGyp(),
  };
  if ((await runLogged(args, folder, env, logFile)) === 0) return;
  const tail = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-20).join('\n');
  throw new UserError(
    `The Kafka client could not be built: install a C++ compiler and the development packages of OpenSSL, SASL, zlib, ` +
      `zstd, lz4 and curl (see ${logFile}), and try again. Its last lines:\n${tail}`,
  );
};

/** Node's headers stand beside most Nodes; without them node-gyp would fetch them from Node's site. */
const headersOfNode = () => {
  const prefix = resolve(dirname(process.execPath), '..');
  return existsSync(join(prefix, 'include/node/node_api.h')) ? [`--nodedir=${prefix}`] : [];
};

/** The node-gyp inside npm: `node-pre-gyp` finds it by itself only when npm stands where it expects it. */
const nodeGyp = () => {
  const root = spawnSync('npm', ['root', '--global'], { encoding: 'utf8' }).stdout?.trim() ?? '';
  const candidates = [
    join(dirname(process.env.npm_execpath ?? ''), '../node_modules/node-gyp/bin/node-gyp.js'),
    join(root, 'npm/node_modules/node-gyp/bin/node-gyp.js'),
  ];
  const found = candidates.find((path) => existsSync(path));
  return found === undefined ? {} : { npm_config_node_gyp: found };
};

/**
 * Runs Node with its output in a file, and shows that it still runs.
 * @param {string[]} args @param {string} cwd @param {NodeJS.ProcessEnv} env @param {string} logFile
 * @returns {Promise<number | null>} the exit code
 */
const runLogged = async (args, cwd, env, logFile) => {
  const log = openSync(logFile, 'w');
  const startedAt = performance.now();
  const timer = setInterval(() => {
    console.error(`  Kafka client: building for ${Math.round((performance.now() - startedAt) / 1000)} s`);
  }, PROGRESS_MS);
  try {
    return await new Promise((done, fail) => {
      const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', log, log] });
      child.once('error', fail);
      child.once('exit', done);
    });
  } finally {
    clearInterval(timer);
    closeSync(log);
  }
};
