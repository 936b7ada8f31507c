/** `ops config`: every setting of every service. */
import { Command } from 'commander';
import { configurationPage } from './tables.ts';

export const configCommand = (): Command =>
  new Command('config').option('--markdown', 'the whole page, as in docs/configuration.md (the default)').action(() => {
    process.stdout.write(configurationPage());
  });
