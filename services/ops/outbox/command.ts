/** `ops outbox`: what waits for Kafka, at what rate it drains, whether a relay is at work, and what Kafka refused. */
import { Command } from 'commander';
import { helpText } from '../cli/help.ts';
import { listRefused, replayRefused } from '../../pipeline/relay/refused.ts';
import { readEnv } from '../../platform/env.ts';
import { placeTask, taskEnv } from '../../task/env.ts';
import { measureOutbox } from './outbox.ts';
import { outboxText } from '../cli/backlog.ts';
import { watchReport } from '../cli/watch.ts';
import { readOutboxConfig } from '../env.ts';
import { withDatabase } from '../cli/database.ts';
import { collect, durationMs, seconds, wholeNumber } from '../cli/arguments.ts';
import { createOutput } from '../cli/output.ts';
import { stopSignal } from '../cli/stop-signal.ts';

interface Flags {
  readonly interval: number;
  readonly max?: number;
  /** In milliseconds. */
  readonly maxAge?: number;
  readonly watch?: boolean;
  readonly json?: boolean;
}

export const outboxCommand = (): Command =>
  new Command('outbox')
    .option('--interval <seconds>', 'time over which the rates are measured', seconds, 5)
    .option('--max <changes>', 'exit with 2 when more changes than this wait', wholeNumber)
    .option('--max-age <duration>', 'exit with 2 when the oldest waits longer: 90s, 15m, 2h', durationMs)
    .option('--watch', 'measure again and again, until Ctrl+C')
    .option('--json', 'JSON, one object a measurement')
    .addHelpText(
      'after',
      helpText({
        exits: { 0: 'fine', 2: '--max or --max-age is exceeded; with --watch the last measurement counts' },
        examples: [
          'npm run ops -- outbox',
          'npm run ops -- outbox --json --interval 1 --max-age 1m || echo "changes do not reach Kafka"',
          'npm run ops -- outbox refused',
          'npm run ops -- outbox replay 4711',
        ],
      }),
    )
    .action(async ({ interval, max, maxAge, watch = false, json = false }: Flags) => {
      const config = readOutboxConfig(process.env);
      const signal = stopSignal();
      process.exitCode = await withDatabase(config, 'taskstream-ops-outbox', (client) =>
        watchReport({
          measure: () => measureOutbox(client, { intervalMs: interval * 1_000, signal }),
          show: (report) => outboxText(report),
          exceeds: ({ depth, oldestAgeSeconds }) =>
            (max !== undefined && depth > max) ||
            (maxAge !== undefined && oldestAgeSeconds !== null && oldestAgeSeconds * 1_000 > maxAge),
          watch,
          json,
          output: createOutput(),
        }),
      );
    })
    .addCommand(refusedCommand())
    .addCommand(replayCommand());

const MOST_SHOWN = 1_000;

const refusedCommand = (): Command =>
  new Command('refused')
    .description('list the changes that Kafka refused for good, one JSON object a line, oldest first')
    .addHelpText(
      'after',
      helpText({
        exits: { 0: 'listed, also when there is none' },
        examples: ['npm run --silent ops -- outbox refused | jq .'],
      }),
    )
    .action(async () => {
      const output = createOutput();
      await withDatabase(readOutboxConfig(process.env), 'taskstream-ops-outbox', async (client) => {
        for (const change of await listRefused(client, MOST_SHOWN)) await output.write(`${JSON.stringify(change)}\n`);
      });
    });

const replayCommand = (): Command =>
  new Command('replay')
    .description('put refused changes back into the outbox, once Kafka takes them; one that is superseded is dropped')
    .argument('<row...>', 'numbers, as `outbox refused` shows them', collect(wholeNumber))
    .addHelpText(
      'after',
      helpText({
        exits: { 0: 'done', 1: 'it could not run, or one of the rows could not be put back' },
        examples: ['npm run ops -- outbox replay 4711 4712'],
      }),
    )
    .action(async (ids: readonly number[]) => {
      const output = createOutput();
      const entities = [placeTask(readEnv(taskEnv, process.env))];
      await withDatabase(readOutboxConfig(process.env), 'taskstream-ops-outbox', async (client) => {
        for (const id of ids) {
          const outcome = await replayRefused(client, entities, String(id));
          if (outcome === undefined || outcome === 'unknown type') process.exitCode = 1;
          await output.write(`${id}: ${outcome ?? 'not among the refused changes'}\n`);
        }
      });
    });
