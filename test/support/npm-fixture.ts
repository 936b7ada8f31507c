/** npm packages that are not the clone's, by locks of their own: fetched once, into the cache outside the clone. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cached } from '../../infra/local/bootstrap/cache.mjs';

const FILES = ['package.json', 'package-lock.json'];

/** The folder of the packages that a folder of `test/fixtures` locks. */
export const packagesOf = async (name: string): Promise<string> => {
  const fixture = join(import.meta.dirname, '../fixtures', name);
  const hash = createHash('sha256')
    .update(readFileSync(join(fixture, 'package-lock.json')))
    .digest('hex');
  const entry = await cached(`${name}-${hash.slice(0, 12)}`, async (home) => {
    for (const file of FILES) await copyFile(join(fixture, file), join(home, file));
    // Not `npmCi`, which would hold up the signs of life by which others see that this entry is being made.
    await promisify(execFile)('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: home });
  });
  return join(entry, 'node_modules');
};

/** The Node of the images, for packages that want a later one than the clone does. */
export const findLaterNode = async (): Promise<string> => {
  const bundled = join(await packagesOf('node'), `node-${process.platform}-${process.arch}/bin/node`);
  // Where npm has no such Node, this one must be new enough.
  return existsSync(bundled) ? bundled : process.execPath;
};
