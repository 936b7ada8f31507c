/** `ops dlq replay`. */
import { SingleBar } from 'cli-progress';
import { Command } from 'commander';
import { helpText } from '../cli/help.ts';
import { TaskstreamError } from '../../platform/errors.ts';
import { systemActor } from '../cli/actor.ts';
import { addFilters, confirm, filterOf, REASONS, select, type FilterFlags } from './selection.ts';
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

export const dlqReplayCommand = (): Command =>
  addFilters(new Command('replay'))
    .description('put the events of open dead letters back to the tasks topic, so that they go the normal way')
    .option('--again', 'also dead letters that were replayed, superseded or discarded before')
    .option('--dry-run', 'say what would become of each dead letter, and change nothing')
    .option('--yes', 'really all open dead letters, when no filter narrows them down')
    .option('--by <name>', "who does it, for the audit trail; default: the system's user and host")
    .option('--json', 'JSON, one object a dead letter')
    .addHelpText(
      'after',
      helpText({
        notes: `${REASONS}

The event is produced with its own key, bytes and headers. Twice is as good as once: the index keeps one version.
A dead letter whose task has a newer version, or is deleted, is superseded: its event is not needed, and would do harm
behind the newer one. An event that is still wrong comes back as a new dead letter.
Each replay leaves a row in dead_letter_actions: "replaying" before, and what became of it after.`,
        exits: { 0: 'all done', 2: 'some could not be replayed: each is reported and stays open' },
        examples: [
          'npm run ops -- dlq replay --reason rejected_by_index --dry-run',
          'npm run ops -- dlq replay --reason rejected_by_index --since 2h --by "ada, incident 4711"',
          'npm run ops -- dlq replay --partition 0 --offset 17 --offset 18',
        ],
      }),
    )
    .action(async ({ again = false, dryRun = false, yes = false, by, json = false, ...flags }: Flags) => {
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
    });

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
