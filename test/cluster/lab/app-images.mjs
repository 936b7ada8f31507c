/**
 * The images of the API and the indexer for the lab, without Docker: what the Dockerfile puts into them (`npm ci
 * --omit=dev`, the Kafka client's addon, the compiled services) with this machine's node, made and loaded.
 *
 *   node test/cluster/lab/app-images.mjs [CHECKOUT TAG]
 *
 * CHECKOUT is another checkout to take the sources from, with packages to compile them by; TAG is `lab` otherwise.
 */
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { npmCi, ROOT } from '../../../infra/local/bootstrap/install.mjs';
import { ensureKafkaClient } from '../../../infra/local/bootstrap/kafka-client.mjs';

const [CHECKOUT = ROOT, TAG = 'lab'] = process.argv.slice(2);
const STAGE = join(ROOT, 'build/lab', TAG);
const APP = join(STAGE, 'app');
const KUBE_LAB = join(import.meta.dirname, 'kube-lab');

/** @param {string} command @param {string[]} args */
const run = (command, args) => {
  const { status, error } = spawnSync(command, args, { cwd: CHECKOUT, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? 'see its words above'}`);
};

const installDependencies = async () => {
  const stamp = join(STAGE, 'installed');
  const wanted = createHash('sha256')
    .update(readFileSync(join(CHECKOUT, 'package-lock.json')))
    .update(process.version)
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  console.error('Installing what the images need to run (once)');
  rmSync(STAGE, { recursive: true, force: true });
  mkdirSync(APP, { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) cpSync(join(CHECKOUT, file), join(APP, file));
  npmCi(APP, '--omit=dev');
  const modules = join(APP, 'node_modules');
  await ensureKafkaClient(modules);
  run(process.execPath, [join(ROOT, 'infra/image/prune.mjs'), modules]);
  writeFileSync(stamp, wanted);
};

const compile = () => {
  rmSync(join(APP, 'services'), { recursive: true, force: true });
  run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json', '--outDir', APP]);
  cpSync(join(CHECKOUT, 'package.json'), join(APP, 'package.json'));
  // What the compiler passes over.
  for (const folder of ['services/task/migrations', 'services/api/console/client']) {
    cpSync(join(CHECKOUT, folder), join(APP, folder), { recursive: true });
  }
};

/** @param {'api' | 'indexer'} service */
const makeImage = (service) => {
  const archive = join(STAGE, `${service}.tar`);
  run(KUBE_LAB, [
    ...['image', archive, `docker.io/taskstream/${service}:${TAG}`],
    ...['--entrypoint', JSON.stringify(['node', '--enable-source-maps'])],
    ...['--cmd', JSON.stringify([`services/${service}/main.js`])],
    ...['--env', 'NODE_ENV=production', '--user', '65532:65532', '--workdir', '/app'],
    ...['--dir', `${APP}=/app`, '--binary', `${process.execPath}=/nodejs/bin/node`],
  ]);
  run(KUBE_LAB, ['load-image', archive]);
  rmSync(archive);
};

await installDependencies();
compile();
for (const service of /** @type {const} */ (['api', 'indexer'])) {
  console.error(`Making the image taskstream/${service}:${TAG}`);
  makeImage(service);
}
