/** `ops dlq show`. */
import { Command } from 'commander';
import { helpText } from '../cli/help.ts';
import { position } from '../cli/arguments.ts';
import { lazily } from '../cli/lazily.ts';

export const dlqShowCommand = (): Command =>
  new Command('show')
    .description('show everything of one dead letter: why, where from, headers, value, and what was done about it')
    .argument('<partition:offset>', 'as `dlq list` shows it', position)
    .option('--json', 'JSON; bytes that are not UTF-8 as "base64:…"')
    .addHelpText(
      'after',
      helpText({
        notes: `
Control characters are shown as \\u…, bytes that are not UTF-8 in hexadecimal: a dead letter cannot touch the terminal.`,
        exits: { 0: 'shown', 1: 'there is no such dead letter, or it could not run' },
        examples: ['npm run ops -- dlq show 0:17', 'npm run --silent ops -- dlq show 0:17 --json | jq .value'],
      }),
    )
    .action(lazily(async () => (await import('./show-act.ts')).show));
