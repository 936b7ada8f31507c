/** `ops config`: every setting of every service. */
import { Command } from 'commander';
import { helpText } from '../cli/help.ts';
import { lazily } from '../cli/lazily.ts';

export const configCommand = (): Command =>
  new Command('config')
    .option('--markdown', 'the whole page, as in docs/configuration.md (the default)')
    .addHelpText(
      'after',
      helpText({
        exits: { 0: 'shown' },
        examples: ['npm run --silent ops -- config --markdown > docs/configuration.md'],
      }),
    )
    .action(lazily(async () => (await import('./act.ts')).showConfig));
