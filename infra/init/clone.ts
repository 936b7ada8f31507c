/** The clone: its tracked files, and the tools that write what is generated from them. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Refusal, type Names } from './names.ts';
import { DOMAIN, isDropped, isKept, renamePath, renameText } from './rules.ts';

const git = (root: string, ...args: string[]): string =>
  execFileSync('git', ['-C', root, ...args], { encoding: 'utf8', maxBuffer: 1e9, stdio: ['ignore', 'pipe', 'pipe'] });

export interface Change {
  readonly from: string;
  readonly to: string;
  /** Nothing for a file that goes. */
  readonly text: string | undefined;
  /** How many names were replaced in the text. */
  readonly count: number;
}

/**
 * Paths of the tracked files of a clone that can be renamed.
 * @throws Refusal for a folder without git, with changes, or that was renamed before
 */
export const trackedFiles = (root: string): readonly string[] => {
  let state: string;
  try {
    state = git(root, 'status', '--porcelain');
  } catch {
    throw new Refusal(`${root} is no git repository: run init in a clone, so that git can show and undo what it does.`);
  }
  const files = git(root, 'ls-files', '-z').split('\0').filter(Boolean);
  if (!files.some((path) => path.startsWith(`${DOMAIN}/`))) {
    throw new Refusal(`This clone was renamed before: there is no ${DOMAIN} any more. Rename further by hand.`);
  }
  const entries = state.split('\n').filter(Boolean);
  const unknown = entries.filter((entry) => entry.startsWith('?? ')).map((entry) => entry.slice(3));
  if (unknown.length > 0 && unknown.length === entries.length) {
    throw new Refusal(
      `Git does not know ${unknown.join(', ')}: commit or delete what is there, or move it out of the clone, so that git can undo what ` +
        'init does.',
    );
  }
  if (entries.length > 0) {
    throw new Refusal(
      'The clone has changes that are not committed: commit or stash them first, so that git can undo what init does. ' +
        'git status shows them.',
    );
  }
  return files;
};

/** Words that files and folders of the services are named after, each with one of them. */
export const wordsOf = (files: readonly string[]): ReadonlyMap<string, string> =>
  new Map(
    files
      .filter((path) => /^(services|test\/fixtures)\//.test(path) && !path.startsWith(`${DOMAIN}/`))
      .flatMap((path) => [path, dirname(path)])
      .flatMap((path) =>
        basename(path)
          .replace(/\..*/, '')
          .split(/[-_]/)
          .map((word) => [word, path] as const),
      ),
  );

/**
 * What changes under the new names.
 * @throws Refusal when two files would get the same path
 */
export const changesOf = (root: string, files: readonly string[], names: Names): readonly Change[] => {
  const paths = new Set(files);
  return files.flatMap((from): Change[] => {
    if (isKept(from)) return [];
    if (isDropped(from)) return [{ from, to: from, text: undefined, count: 0 }];
    const bytes = readFileSync(join(root, from));
    const to = renamePath(from, names);
    if (to !== from && paths.has(to)) throw new Refusal(`${from} would become ${to}, which is there already.`);
    // A binary file, such as a picture, can only move.
    if (bytes.includes(0)) return to === from ? [] : [{ from, to, text: undefined, count: 0 }];
    const { text, count } = renameText(from, bytes.toString('utf8'), names);
    return count === 0 && to === from ? [] : [{ from, to, text, count }];
  });
};

/** Writes the changes into the work tree and git's index; nothing is committed. */
export const apply = (root: string, changes: readonly Change[]): void => {
  for (const { from, to, text } of changes) {
    if (isDropped(from)) {
      git(root, 'rm', '--quiet', from);
      continue;
    }
    if (to !== from) {
      mkdirSync(dirname(join(root, to)), { recursive: true });
      git(root, 'mv', from, to);
    }
    if (text !== undefined) writeFileSync(join(root, to), text);
  }
  removeEmptyFolders(
    root,
    changes.filter(({ from, to }) => from !== to).map(({ from }) => dirname(from)),
  );
};

/** Git moves files, and leaves their folders. */
const removeEmptyFolders = (root: string, folders: readonly string[]): void => {
  for (const folder of new Set(folders)) {
    for (let at = folder; at !== '.' && isEmpty(join(root, at)); at = dirname(at)) rmdirSync(join(root, at));
  }
};

const isEmpty = (folder: string): boolean => existsSync(folder) && readdirSync(folder).length === 0;

/** Runs a Node program in the clone; resolves to its standard output. */
export const run = (root: string, args: readonly string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    const [out, err]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(Buffer.concat(out).toString());
      else
        reject(
          new Error(`node ${args.slice(0, 3).join(' ')} ended with ${String(code)}:\n${Buffer.concat(err).toString()}`),
        );
    });
  });

/** Brings line breaks to the new lengths of names, and writes anew what is generated; then all of it is staged. */
export const regenerate = async (
  root: string,
  changes: readonly Change[],
  onStep: (text: string) => void,
): Promise<void> => {
  const tsx = ['--import', 'tsx'];
  onStep('Formatting what was renamed (prettier)');
  const written = changes.filter(({ text }) => text !== undefined).map(({ to }) => to);
  await run(root, ['node_modules/prettier/bin/prettier.cjs', '--write', '--ignore-unknown', ...written]);
  onStep('Writing the Helm chart (npm run chart)');
  await run(root, [...tsx, 'infra/helm/main.ts']);
  onStep('Writing docs/configuration.md (npm run ops -- config)');
  const page = await run(root, [...tsx, 'services/ops/main.ts', 'config', '--markdown']);
  writeFileSync(join(root, 'docs/configuration.md'), page);
  git(root, 'add', '--all');
};
