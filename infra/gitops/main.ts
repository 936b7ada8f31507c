/** `npm run gitops -- --repo <url>`: writes manifests for Argo CD and Flux to `dist/gitops/`. */
import { readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { InvalidEnvironment } from '../environments/schema.ts';
import { createGitOpsApps } from './app.ts';
import { parseGitOpsOptions } from './options.ts';

const root = join(import.meta.dirname, '../..');
const USAGE = 'npm run gitops -- --repo <git address> [--revision <branch>] [--environment <name>]';

const readOptions = () => {
  try {
    return parseArgs({
      options: {
        repo: { type: 'string', default: '' },
        revision: { type: 'string', default: 'main' },
        environment: { type: 'string', default: 'production' },
      },
    }).values;
  } catch (error) {
    throw new InvalidEnvironment(error instanceof Error ? error.message : String(error));
  }
};

try {
  const outdir = join(root, 'dist/gitops');
  const apps = createGitOpsApps(parseGitOpsOptions(readOptions()), outdir);
  rmSync(outdir, { recursive: true, force: true });
  for (const app of apps) app.synth();
  for (const file of readdirSync(outdir, { recursive: true, encoding: 'utf8' }).sort()) {
    if (file.endsWith('.yaml')) console.log(relative(root, join(outdir, file)));
  }
} catch (error) {
  if (!(error instanceof InvalidEnvironment)) throw error;
  console.error(`${error.message}\n${USAGE}`);
  process.exitCode = 1;
}
