/** `npm run synth -- <environment>`: writes the manifests to `dist/<environment>/`. */
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Argument, Command } from 'commander';
import { explainUsage } from '../services/ops/cli/usage.ts';
import { createApp } from './app.ts';
import { environmentOf, environments } from './environments/index.ts';
import { InvalidEnvironment } from './environments/schema.ts';

const root = join(import.meta.dirname, '..');
const command = new Command('synth').addArgument(new Argument('<environment>').choices(Object.keys(environments)));
const [name = ''] = explainUsage(command, 'npm run synth --').parse().args;

try {
  const outdir = join(root, 'dist', name);
  createApp(environmentOf(name), outdir).synth();
  for (const file of readdirSync(outdir).sort()) console.log(relative(root, join(outdir, file)));
} catch (error) {
  if (!(error instanceof InvalidEnvironment)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
