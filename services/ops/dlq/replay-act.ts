/** What `ops dlq replay` does. */
import { SingleBar } from 'cli-progress';
import { TaskstreamError } from '../../platform/errors.ts';
import { systemActor } from '../cli/actor.ts';
import { confirm, select } from './selection.ts';
import { filterOf, type FilterFlags } from './filter.ts';
import { assessOnly, replayDeadLetters, type ReplayOutcome } from '../../pipeline/dead-letters/replay.ts';
import { withDeadLetters } from './session.ts';
import { summaryOf } from './format.ts';
import { lineOf } from '../../platform/printable.ts';
import { createOutput, type Output } from '../cli/output.ts';

/** Exit code when it ran, but some dead letters could not be replayed. */
const EXIT_SOME_FAILED = 2;

interface Flags extends FilterFlags {
  readonly again?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly by?: string;
  readonly json?: boolean;
}

interface Report {
  add(outcomes: readonly ReplayOutcome[]): Promise<void>;
  /** Prints the summary; returns how many failed. */
  end(isStopped: boolean): Promise<number>;
}

const createReport = (output: Output, json: boolean, dryRun: boolean): Report => {
  const counts = new Map<string, number>();
  const bar = new SingleBar({ format: 'replaying  {value} dead letters', stream: process.stderr, hideCursor: true });
  let total = 0;
  const showsBar = process.stderr.isTTY && !json;
  if (showsBar) bar.start(0, 0);
  return {
    add: async (outcomes) => {
      const lines: string[] = [];
      for (const { deadLetter, state, result } of outcomes) {
        const name = dryRun && state === 'replayed' ? 'would be replayed' : state;
        counts.set(name, (counts.get(name) ?? 0) + 1);
        const at = `${deadLetter.partition}:${deadLetter.offset}`;
        if (json) {
          const { partition, offset, task, reason } = deadLetter;
          lines.push(JSON.stringify({ partition, offset, task: task ?? null, reason, state, result }));
        } else if (result !== null) {
          // A dead letter that goes the normal way needs no line of its own.
          lines.push(`${at}  ${state}: ${lineOf(result)}`);
        } else if (dryRun) lines.push(`${at}  would be replayed`);
      }
      total += outcomes.length;
      if (showsBar) bar.update(total);
      if (lines.length > 0) await output.write(`${lines.join('\n')}\n`);
    },
    end: async (isStopped) => {
      if (showsBar) bar.stop();
      if (!json) {
        const end = `${dryRun ? ', nothing was changed' : ''}${isStopped ? ', stopped before the end' : ''}`;
        await output.write(`${summaryOf(counts, 'dead letter', end)}\n`);
      }
      return counts.get('failed') ?? 0;
    },
  };
};

export const replay = async ({ again = false, dryRun = false, yes = false, by, json = false, ...flags }: Flags) => {
  await withDeadLetters(async (session) => {
    const { client, entity } = session;
    const options = { filter: filterOf(flags), again };
    if (!dryRun) await confirm(session, options, { yes, verb: 'replay' });
    const report = createReport(createOutput(), json, dryRun);
    if (dryRun) {
      for await (const batch of select(session, options)) {
        const deadLetters = batch.map(({ deadLetter }) => deadLetter);
        await report.add(await assessOnly({ client, entity }, deadLetters));
      }
    } else {
      await session.takeTurn();
      await session.withProducer(async (producer) => {
        for await (const batch of select(session, options)) {
          const outcomes = await replayDeadLetters(
            {
              client,
              producer,
              entity,
              actor: by ?? systemActor(),
            },
            batch,
          );
          await report.add(outcomes);
          if (outcomes.some(({ isOutage }) => isOutage)) {
            throw new TaskstreamError(
              'broker_unavailable',
              'Kafka does not confirm: stopped here. What failed is still open; run the same command again.',
            );
          }
        }
      });
    }
    const failed = await report.end(session.signal.aborted);
    if (failed > 0) process.exitCode = EXIT_SOME_FAILED;
  });
};
