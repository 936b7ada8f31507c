/** The generator of hey-api, fetched once by npm into the cache outside the clone, with the Node that it wants. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cached } from '../../infra/local/bootstrap/cache.mjs';

const FIXTURE = join(import.meta.dirname, '../fixtures/hey-api');
const FILES = ['package.json', 'package-lock.json'];

/**
 * Writes a client to `client` in a folder, with imports as Node resolves them.
 * @param folder has `openapi.json`
 * @throws with the generator's words when it refuses the document
 */
export const generateHeyApiClient = async (folder: string): Promise<void> => {
  const hash = createHash('sha256')
    .update(readFileSync(join(FIXTURE, 'package-lock.json')))
    .digest('hex');
  const entry = await cached(`hey-api-${hash.slice(0, 12)}`, async (home) => {
    for (const file of FILES) await copyFile(join(FIXTURE, file), join(home, file));
    // Not `npmCi`, which would hold up the signs of life by which others see that this entry is being made.
    await promisify(execFile)('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: home });
  });
  const bundled = join(entry, `node_modules/node-${process.platform}-${process.arch}/bin/node`);
  // Where npm has no such Node, this one must be new enough.
  const node = existsSync(bundled) ? bundled : process.execPath;
  const generator = join(entry, 'node_modules/@hey-api/openapi-ts/bin/run.js');
  const config = { input: 'openapi.json', output: { path: 'client', importFileExtension: '.js' } };
  await writeFile(join(folder, 'openapi-ts.config.mjs'), `export default ${JSON.stringify(config)};\n`);
  await promisify(execFile)(node, [generator], { cwd: folder });
};
