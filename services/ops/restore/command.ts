/** `ops restore`: what a database that came back from a backup needs before it serves. */
import { Command } from 'commander';
import { wholeNumberFrom } from '../cli/arguments.ts';
import { helpText } from '../cli/help.ts';
import { lazily } from '../cli/lazily.ts';

export const restoreCommand = (): Command =>
  new Command('restore')
    .option(
      '--by <n>',
      'how far; more than any task changed since the backup (default: the milliseconds since 2026)',
      wholeNumberFrom(1, 2 ** 40),
    )
    .addHelpText(
      'after',
      helpText({
        notes: `
Versions repeat after a restore: the index and the topic know later changes under the versions that come next, and would
refuse new changes as old ones. This raises every version above all that anybody has seen, and puts each task into the
outbox; the API publishes them when it starts. Run it while no API runs. It may be repeated. Each task gets a new ETag.

Reads DATABASE_URL and its companions (docs/configuration.md).`,
        exits: { 0: 'done', 1: 'it could not run, or not to its end: run it again' },
        examples: ['npm run ops -- restore'],
      }),
    )
    .action(lazily(async () => (await import('./act.ts')).restore));
