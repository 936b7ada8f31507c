/** Schemathesis in a Python environment of its own, in the cache outside the clone. */
import { createHash } from 'node:crypto';
import { execFile, spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cached } from '../../infra/local/bootstrap/cache.mjs';
import { UserError } from '../../infra/local/bootstrap/fail.mjs';

const REQUIREMENTS = join(import.meta.dirname, 'requirements.txt');
const CONFIG = join(import.meta.dirname, 'schemathesis.toml');
const HOOKS = join(import.meta.dirname, 'white_space.py');
const run = promisify(execFile);

/** The environment's folder; made once for each set of pinned versions. @throws UserError without a usable Python */
export const pythonEnvironment = async (): Promise<string> => {
  const hash = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 12);
  // A virtual environment holds its own path, so the entry is only the packages.
  return cached(`schemathesis-${hash}`, async (folder) => {
    console.error('Schemathesis: fetching it with pip (once)');
    await run('python3', [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--no-deps',
      '--target',
      folder,
      '-r',
      REQUIREMENTS,
    ]).catch((cause: unknown) => {
      throw new UserError(
        `Schemathesis cannot be installed: python3 (3.10 or later) with pip is needed (Debian: python3-pip). ${String(cause)}`,
        { cause },
      );
    });
  });
};

export interface FuzzOptions {
  /** Of the OpenAPI document. */
  readonly url: string;
  readonly maxExamples: number;
  readonly seed: number;
  /** Where JUnit's XML goes. */
  readonly reportFolder: string;
}

/** Runs all checks in all phases; resolves to the exit code. Its output is passed through. */
export const fuzz = async ({ url, maxExamples, seed, reportFolder }: FuzzOptions): Promise<number> => {
  const packages = await pythonEnvironment();
  const args = ['-m', 'schemathesis.cli', '--config-file', CONFIG, 'run', url]
    .concat('--checks', 'all', '--phases', 'examples,coverage,fuzzing,stateful')
    .concat('--max-examples', String(maxExamples), '--seed', String(seed), '--continue-on-failure')
    .concat('--request-timeout', '90', '--report', 'junit', '--report-dir', reportFolder);
  mkdirSync(reportFolder, { recursive: true });
  const child = spawn('python3', args, {
    // It leaves a cache where it runs.
    cwd: reportFolder,
    env: { ...process.env, PYTHONPATH: packages, SCHEMATHESIS_HOOKS: HOOKS, PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      resolve(code ?? 1);
    });
  });
};
