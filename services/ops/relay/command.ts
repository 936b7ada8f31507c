/** `ops relay`: publication, held back while something about the topic changes. */
import { Command } from 'commander';
import { helpText } from '../cli/help.ts';
import { lazily } from '../cli/lazily.ts';

export const relayCommand = (): Command =>
  new Command('relay')
    .addHelpText('after', helpText({ exits: { 0: 'released' }, examples: ['npm run ops -- relay hold'] }))
    .addCommand(
      new Command('hold')
        .description('publish nothing until Ctrl-C: writes are taken, and wait in the outbox')
        .addHelpText(
          'after',
          helpText({
            notes: `
For the moment in which the topic changes, such as its number of partitions (docs/runbooks/scale-partitions.md).
Search does not see new changes meanwhile. When this process ends, however it ends, a relay takes over within a second;
within half a minute when its machine is gone, or it stands still (Ctrl-Z) or cannot reach PostgreSQL.

Reads DATABASE_URL and its companions (docs/configuration.md).`,
            exits: { 0: 'released by Ctrl-C, SIGTERM or SIGHUP', 1: 'it could not hold, or lost its hold' },
            examples: ['npm run ops -- relay hold'],
          }),
        )
        .action(lazily(async () => (await import('./act.ts')).hold)),
    );
