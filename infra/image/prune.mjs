/**
 * Deletes what no process of the images loads: what the Kafka client's addon was made of, sources, tests and tools that
 * packages bring along, binaries for another runtime. `node infra/image/prune.mjs FOLDER`, which is a `node_modules` without development packages.
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Paths below `node_modules`. Objects and static libraries lie where the addon was built. */
const SUPERFLUOUS = [
  /\.(?:map|md|[cm]?ts|a|o|c|h|mk|py|sh|ps1|tsbuildinfo|bare)$/,
  /\.(?:test|spec)\.[cm]?js$/,
  /(?:^|\/)(?:__tests__|tests?|specs|fixtures|examples|benchmarks|docs|\.github|test\.js)$/,
  /^(?:\.bin|nan|@mapbox\/node-pre-gyp)$/,
  /^apache-arrow\/[^/]*\.min\.js$/,
  /^@confluentinc\/kafka-javascript\/(?:deps|src|scripts|build\/Release\/(?:obj\.target|\.deps))$/,
];

const folder = process.argv[2];
if (folder === undefined) throw new Error('name the folder node_modules');
for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
  if (SUPERFLUOUS.some((pattern) => pattern.test(path))) rmSync(join(folder, path), { recursive: true, force: true });
}
