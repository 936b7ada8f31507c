/** `npm run synth -- <environment>`: writes the manifests to `dist/<environment>/`. */
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createApp } from './app.ts';
import { environmentOf, environments } from './environments/index.ts';
import { InvalidEnvironment } from './environments/schema.ts';

const root = join(import.meta.dirname, '..');
const [name, ...rest] = process.argv.slice(2);

try {
  if (name === undefined || rest.length > 0) {
    throw new InvalidEnvironment(`Say which environment: npm run synth -- ${Object.keys(environments).join('|')}`);
  }
  const outdir = join(root, 'dist', name);
  createApp(environmentOf(name), outdir).synth();
  for (const file of readdirSync(outdir).sort()) console.log(relative(root, join(outdir, file)));
} catch (error) {
  if (!(error instanceof InvalidEnvironment)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
