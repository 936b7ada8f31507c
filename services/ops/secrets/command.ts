/** `ops secrets`: fills in the passwords that no operator makes. Safe to repeat, and to run twice at once. */
import { Command, InvalidArgumentError } from 'commander';
import { helpText } from '../cli/help.ts';
import { withClusterOptions } from '../cli/cluster-options.ts';
import type { SecretKey } from './passwords.ts';
import { lazily } from '../cli/lazily.ts';

export const secretsCommand = (): Command =>
  withClusterOptions(new Command('secrets'))
    .argument('<secret/key...>', 'names of Secrets that exist, each with the key of its password', collect)
    .addHelpText(
      'after',
      helpText({
        exits: { 0: 'each has a password' },
        examples: ['npm run ops -- secrets my-user/password -n taskstream'],
      }),
    )
    .action(lazily(async () => (await import('./act.ts')).fill));

const collect = (text: string, before: SecretKey[] = []): SecretKey[] => {
  const [secret, key, ...rest] = text.split('/');
  if (!secret || !key || rest.length > 0)
    throw new InvalidArgumentError('It must be SECRET/KEY, as in my-user/password.');
  return [...before, { secret, key }];
};
