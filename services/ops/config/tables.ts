/** All environment variables of the services, as Markdown: from the very objects that parse them. */
import { apiEnv } from '../../api/config.ts';
import { indexerEnv } from '../../indexer/config.ts';
import type { EnvSpec } from '../../platform/env.ts';
import { clientEnv, migrateEnv, verifyEnv } from '../env.ts';

const SERVICES: readonly (readonly [title: string, spec: EnvSpec])[] = [
  ['API', apiEnv],
  ['Indexer', indexerEnv],
  ['`ops migrate`', migrateEnv],
  ['`ops verify`', verifyEnv],
  ['`ops import` and `ops export`', clientEnv],
];

const INTRODUCTION = `# Configuration

Every service reads environment variables once, when it starts. If any is missing or wrong, it lists all faults and
exits with code 78 before it listens or connects. An empty variable counts as unset. A command of \`ops\` that misses one
also says what is in \`TASKSTREAM_MISSING\`: \`npm run ops\` sets it where the stack of its clone does not run.

A variable marked with † may come from a file instead: \`NAME_FILE\` holds the path, as Kubernetes and Docker mount
secrets. A service reads those of its servers' logins again while it runs, so that a renewed password needs no restart.

This page is made by \`npm run ops -- config --markdown\` from the code that parses the variables; a test compares.`;

/** The page \`docs/configuration.md\`. */
export const configurationPage = (): string =>
  `${[INTRODUCTION, ...SERVICES.map(([title, spec]) => `## ${title}\n\n${tableOf(spec)}`)].join('\n\n')}\n`;

const tableOf = (spec: EnvSpec): string =>
  [
    '| variable | default | meaning |',
    '|---|---|---|',
    ...Object.entries(spec).map(([name, { defaultText, description, secret, schema }]) => {
      const optional = schema.safeParse(undefined).success;
      const fallback = defaultText === undefined ? (optional ? 'unset' : '**required**') : `\`${defaultText}\``;
      return `| \`${name}\`${secret === true ? ' †' : ''} | ${fallback} | ${description.replaceAll('|', '\\|')} |`;
    }),
  ].join('\n');
