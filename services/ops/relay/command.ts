/** `ops relay`: publication, held back while something about the topic changes. */
import { once } from 'node:events';
import { Command } from 'commander';
import { helpText } from '../cli/help.ts';
import { readEnv } from '../../platform/env.ts';
import { postgresEnv } from '../../platform/postgres.ts';
import { holdPublication } from '../../pipeline/relay/hold.ts';

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
        .action(async () => {
          const stop = Promise.race(['SIGINT', 'SIGTERM', 'SIGHUP'].map((name) => once(process, name)));
          const hold = await holdPublication(readEnv(postgresEnv, process.env));
          process.stdout.write('Publication is held back: writes wait in the outbox. Ctrl-C lets it go on.\n');
          try {
            await Promise.race([stop, hold.lost]);
          } finally {
            await hold.release();
          }
          process.stdout.write('Publication goes on.\n');
        }),
    );
