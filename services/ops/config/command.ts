/** `ops config`: every setting of every service. */
import { Command } from 'commander';
import { helpText } from '../cli/help.ts';
import { configurationPage } from './tables.ts';

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
    .action(() => {
      process.stdout.write(configurationPage());
    });
