/** `npm run synth -- <environment>`: writes the manifests to `dist/<environment>/`. */
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Argument, Command } from 'commander';
import { helpText } from '../services/ops/cli/help.ts';
import { explainUsage } from '../services/ops/cli/usage.ts';
import { environmentOf, environments } from './environments/index.ts';
import { InvalidEnvironment } from './environments/schema.ts';

const root = join(import.meta.dirname, '..');
const command = new Command('synth')
  .description('writes the manifests of an environment to dist/<environment>/')
  .addArgument(new Argument('<environment>', 'as infra/environments has it').choices(Object.keys(environments)))
  .addHelpText(
    'after',
    helpText({
      exits: { 0: 'written, and each file named', 1: "refused: the environment's settings cannot be used" },
      examples: ['npm run synth -- local', 'npm run --silent synth -- production'],
    }),
  );
const [name = ''] = explainUsage(command, 'npm run synth --').parse().args;

try {
  // A help, or a typing error, waits for none of it.
  const { createApp } = await import('./app.ts');
  const outdir = join(root, 'dist', name);
  createApp(environmentOf(name), outdir).synth();
  for (const file of readdirSync(outdir).sort()) console.log(relative(root, join(outdir, file)));
} catch (error) {
  if (!(error instanceof InvalidEnvironment)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
