/** `ops dlq show`. */
import { Command } from 'commander';
import { helpText } from '../cli/help.ts';
import { TaskstreamError } from '../../platform/errors.ts';
import { historyOf } from '../../pipeline/dead-letters/actions.ts';
import { withDeadLetters } from './session.ts';
import { fullJson, fullText } from './format.ts';
import { position, type Position } from '../cli/arguments.ts';
import { createOutput } from '../cli/output.ts';

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
    .action(async ({ partition, offset }: Position, { json = false }: { json?: boolean }) => {
      await withDeadLetters(async ({ deadLetters, client, entity }) => {
        for await (const batch of deadLetters({ partition, offsets: [offset] })) {
          for (const { deadLetter } of batch) {
            const history = await historyOf(client, entity.deadLetterTopic, deadLetter);
            const text = json ? JSON.stringify(fullJson(deadLetter, history), null, 2) : fullText(deadLetter, history);
            await createOutput().write(`${text}\n`);
            return;
          }
        }
        throw new TaskstreamError(
          'invalid_configuration',
          `${entity.deadLetterTopic} has no dead letter ${partition}:${offset}: see ops dlq list --all.`,
        );
      });
    });
