/** `npm run init -- --entity order --name shop`: renames the clone for a team. */
import { join } from 'node:path';
import Table from 'cli-table3';
import { Command } from 'commander';
import { helpText } from '../../services/ops/cli/help.ts';
import { explainUsage } from '../../services/ops/cli/usage.ts';
import type { Change } from './clone.ts';
import { namesOf, Refusal } from './names.ts';

const root = join(import.meta.dirname, '../..');

/** Names and files by top folder, as a table. */
const tableOf = (changes: readonly Change[], isDropped: (path: string) => boolean): string => {
  const rows = new Map<string, { names: number; files: number; moved: number }>();
  for (const { from, to, count } of changes) {
    if (isDropped(from)) continue;
    const folder = from.includes('/') ? from.slice(0, from.indexOf('/')) : '(top)';
    const row = rows.get(folder) ?? { names: 0, files: 0, moved: 0 };
    rows.set(folder, { names: row.names + count, files: row.files + 1, moved: row.moved + Number(to !== from) });
  }
  const table = new Table({
    head: ['folder', 'files', 'names replaced', 'files moved'],
    style: { head: [], border: [] },
  });
  for (const [folder, { files, names, moved }] of rows) table.push([folder, files, names, moved]);
  return table.toString();
};

interface Flags {
  readonly entity: string;
  readonly plural?: string;
  readonly name: string;
}

const rename = async (flags: Flags): Promise<void> => {
  const { apply, changesOf, regenerate, trackedFiles, wordsOf } = await import('./clone.ts');
  const { isDropped } = await import('./rules.ts');
  const files = trackedFiles(root);
  const names = namesOf(flags, wordsOf(files));
  const changes = changesOf(root, files, names);
  console.log(`Renaming task to ${names.entity}, tasks to ${names.plural}, taskstream to ${names.product}`);
  apply(root, changes);
  await regenerate(root, changes, console.log);
  console.log(`${tableOf(changes, isDropped)}

Everything is staged, and nothing committed. Next:
  git diff --cached --stat -M          what changed; git reset --hard undoes all of it
  npm test                             on real servers
  git commit -m 'Rename for ${names.product}'
Then give it your fields: docs/your-domain.md. docs/images still shows the old names, and LICENSE the template's authors.`);
};

const program = new Command('init')
  .description('rename this clone: package, chart, namespace, topics, alias, metrics, alerts, docs, code and files')
  .requiredOption('--entity <word>', 'one of the things that are stored, such as order')
  .option('--plural <word>', 'several of them, where an s does not do, such as stories')
  .requiredOption('--name <label>', 'the product, such as shop or web-shop')
  .addHelpText(
    'after',
    helpText({
      exits: { 0: 'renamed, and staged', 1: 'refused, or stopped half-way: the message says which' },
      examples: [
        'npm run init -- --entity order --name shop',
        'npm run init -- --entity story --plural stories --name web-shop',
      ],
    }),
  )
  .action(rename);

try {
  await explainUsage(program, 'npm run init --').parseAsync();
} catch (error) {
  if (!(error instanceof Refusal)) {
    console.error('Init stopped half-way. git reset --hard brings the clone back as it was.');
    throw error;
  }
  console.error(error.message);
  process.exitCode = 1;
}
