/** A copy of this clone, to be renamed or started beside it. */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, appendFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '../..');

export interface Outcome {
  readonly code: number | null;
  /** Standard output and standard error, as they came. */
  readonly output: string;
}

export interface Clone {
  readonly path: string;
  git(...args: string[]): string;
  /** Runs Node in it. */
  node(...args: string[]): Promise<Outcome>;
  /** Its tracked files. */
  files(): readonly string[];
  remove(): void;
}

/**
 * Copies what git would commit of this clone, or of it what `isWanted` chooses, and commits it there. `node_modules`
 * is the one of this clone.
 */
export const copyClone = (isWanted: (path: string) => boolean = () => true): Clone => {
  const path = mkdtempSync(join(tmpdir(), 'taskstream-init-'));
  const git = (folder: string, ...args: string[]): string =>
    execFileSync('git', ['-C', folder, ...args], {
      encoding: 'utf8',
      maxBuffer: 1e9,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const files = (folder: string, ...flags: string[]): string[] =>
    git(folder, 'ls-files', '-z', ...flags)
      .split('\0')
      .filter(Boolean);
  for (const file of files(root, '--cached', '--others', '--exclude-standard')) {
    if (!isWanted(file) || file === 'node_modules' || !existsSync(join(root, file))) continue;
    mkdirSync(dirname(join(path, file)), { recursive: true });
    cpSync(join(root, file), join(path, file));
  }
  git(path, 'init', '--quiet');
  symlinkSync(join(root, 'node_modules'), join(path, 'node_modules'));
  // `.gitignore` names a folder, and this is a link.
  appendFileSync(join(path, '.git/info/exclude'), 'node_modules\n');
  git(path, 'add', '--all');
  git(path, '-c', 'user.name=test', '-c', 'user.email=test@example.com', 'commit', '--quiet', '--message', 'template');
  return {
    path,
    git: (...args) => git(path, ...args),
    node: (...args) =>
      new Promise((resolve, reject) => {
        const child = spawn(process.execPath, args, {
          cwd: path,
          stdio: ['ignore', 'pipe', 'pipe'],
          // A test that runs in the copy is not one of this run.
          env: { PATH: process.env['PATH'], HOME: process.env['HOME'], NO_COLOR: '1' },
        });
        const chunks: Buffer[] = [];
        child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
        child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
        child.on('error', reject);
        child.on('close', (code) => {
          resolve({ code, output: Buffer.concat(chunks).toString() });
        });
      }),
    files: () => files(path),
    remove: () => {
      rmSync(path, { recursive: true, force: true });
    },
  };
};
