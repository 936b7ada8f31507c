/**
 * Deletes what no process of the images loads: what the Kafka client's addon was made of, sources and tests that packages
 * bring along. `node infra/image/prune.mjs FOLDER`, which is a `node_modules` without development packages.
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Paths below `node_modules`. Objects and static libraries lie where the addon was built. */
const SUPERFLUOUS = [
  /\.(?:map|md|[cm]?ts|a|o)$/,
  /(?:^|\/)(?:__tests__|tests?|benchmarks|\.github)$/,
  /^nan$/,
  /^apache-arrow\/[^/]*\.min\.js$/,
  /^@confluentinc\/kafka-javascript\/(?:deps|src|scripts|build\/Release\/(?:obj\.target|\.deps))$/,
];

const folder = process.argv[2];
if (folder === undefined) throw new Error('name the folder node_modules');
for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
  if (SUPERFLUOUS.some((pattern) => pattern.test(path))) rmSync(join(folder, path), { recursive: true, force: true });
}
