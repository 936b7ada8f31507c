/** `ops migrate`: the database schema and the search index, before a new version serves. Safe to run twice at once. */
import { Command } from 'commander';
import { helpText } from '../cli/help.ts';
import { lazily } from '../cli/lazily.ts';

export const migrateCommand = (): Command =>
  new Command('migrate')
    .addHelpText(
      'after',
      helpText({
        notes: 'Reads DATABASE_URL, ELASTICSEARCH_URL and their companions (docs/configuration.md).',
        exits: { 0: 'schema and index are up to date' },
        examples: ['npm run ops -- migrate'],
      }),
    )
    .action(lazily(async () => (await import('./act.ts')).migrateAll));
