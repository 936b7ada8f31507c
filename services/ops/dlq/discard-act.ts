/** What `ops dlq discard` does. */
import { systemActor } from '../cli/actor.ts';
import { discardDeadLetters } from '../../pipeline/dead-letters/actions.ts';
import { confirm, select } from './selection.ts';
import { filterOf, type FilterFlags } from './filter.ts';
import { withDeadLetters } from './session.ts';
import { summaryOf } from './format.ts';
import { createOutput } from '../cli/output.ts';

interface Flags extends FilterFlags {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly by?: string;
  readonly note?: string;
  readonly json?: boolean;
}

export const discard = async ({ dryRun = false, yes = false, by, note, json = false, ...flags }: Flags) => {
  await withDeadLetters(async (session) => {
    const { client, entity } = session;
    const options = { filter: filterOf(flags), again: false };
    const output = createOutput();
    if (!dryRun) {
      await confirm(session, options, { yes, verb: 'discard' });
      await session.takeTurn();
    }
    const reasons = new Map<string, number>();
    for await (const batch of select(session, options)) {
      const deadLetters = batch.map(({ deadLetter }) => deadLetter);
      if (!dryRun) {
        await discardDeadLetters(client, deadLetters, {
          deadLetterTopic: entity.deadLetterTopic,
          actor: by ?? systemActor(),
          note: note ?? null,
        });
      }
      for (const { reason } of deadLetters) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      const lines = deadLetters.map(({ partition, offset, task, reason }) =>
        json
          ? JSON.stringify({ partition, offset, task: task ?? null, reason, state: dryRun ? 'open' : 'discarded' })
          : `${partition}:${offset}  ${dryRun ? 'would be discarded' : 'discarded'}`,
      );
      await output.write(`${lines.join('\n')}\n`);
    }
    if (!json)
      await output.write(
        `${summaryOf(reasons, 'dead letter', dryRun ? ' would be discarded, nothing was changed' : ' discarded')}\n`,
      );
  });
};
