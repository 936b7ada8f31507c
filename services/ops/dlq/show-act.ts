/** What `ops dlq show` does. */
import { TaskstreamError } from '../../platform/errors.ts';
import { historyOf } from '../../pipeline/dead-letters/actions.ts';
import { withDeadLetters } from './session.ts';
import { fullJson, fullText } from './format.ts';
import type { Position } from '../cli/arguments.ts';
import { createOutput } from '../cli/output.ts';

export const show = async ({ partition, offset }: Position, { json = false }: { json?: boolean }) => {
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
};
