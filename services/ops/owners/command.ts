/** `ops owners`: gives owners to what nobody owns. */
import { Command } from 'commander';
import { helpText } from '../cli/help.ts';
import { lazily } from '../cli/lazily.ts';

export const ownersCommand = (): Command =>
  new Command('owners')
    .option('--to <owner>', 'give all that nobody owns to this owner')
    .option('--file <file>', 'give each task that nobody owns to the owner that the file names: lines of id,owner')
    .addHelpText(
      'after',
      helpText({
        notes: `
With AUTH=oidc each caller sees its own tasks, and what nobody owns is there for administrators alone. That is what was
made before. This gives it owners as a change of each task would: version and ETag rise, and search follows. What has an
owner keeps it. It may be stopped, repeated, and run while services run; it waits while 10,000 changes wait for Kafka.

Run it once before AUTH=oidc is switched on, and once after it for what was made in between (docs/authentication.md).
Reads DATABASE_URL and its companions (docs/configuration.md).`,
        exits: { 0: 'done', 1: 'it could not run, or not to its end: run it again' },
        examples: [
          'npm run ops -- owners --to 5f2c…            # the subject of an access token, or what AUTH_OWNER_CLAIM names',
          'npm run ops -- owners --file owners.csv',
        ],
      }),
    )
    .action(lazily(async () => (await import('./act.ts')).give));
