/** `npm run gitops -- --repo <url>`: writes manifests for Argo CD and Flux to `dist/gitops/`. */
import { readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Command, Option } from 'commander';
import { explainUsage } from '../../services/ops/cli/usage.ts';
import { environments } from '../environments/index.ts';
import { InvalidEnvironment } from '../environments/schema.ts';
import { createGitOpsApps } from './app.ts';
import { parseGitOpsOptions } from './options.ts';

const root = join(import.meta.dirname, '../..');
const command = new Command('gitops')
  .requiredOption('--repo <address>')
  .option('--revision <branch>', '', 'main')
  .addOption(new Option('--environment <name>').choices(Object.keys(environments)).default('production'));
const options = explainUsage(command, 'npm run gitops --').parse().opts();

try {
  const outdir = join(root, 'dist/gitops');
  const apps = createGitOpsApps(parseGitOpsOptions(options), outdir);
  rmSync(outdir, { recursive: true, force: true });
  for (const app of apps) app.synth();
  for (const file of readdirSync(outdir, { recursive: true, encoding: 'utf8' }).sort()) {
    if (file.endsWith('.yaml')) console.log(relative(root, join(outdir, file)));
  }
} catch (error) {
  if (!(error instanceof InvalidEnvironment)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
