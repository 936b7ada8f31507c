/** `ops outbox`: what waits for Kafka, how old it is, at what rate it drains, and whether a relay is at work. */
import { Command } from 'commander';
import { measureOutbox } from './outbox.ts';
import { outboxText } from '../cli/backlog.ts';
import { watchReport } from '../cli/watch.ts';
import { readOutboxConfig } from '../env.ts';
import { withDatabase } from '../cli/database.ts';
import { durationMs, seconds, wholeNumber } from '../cli/arguments.ts';
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
    .description('show what waits for Kafka, how old it is, the rates, and which relay is active')
    .option('--interval <seconds>', 'time over which the rates are measured', seconds, 5)
    .option('--max <changes>', 'exit with 2 when more changes than this wait', wholeNumber)
    .option('--max-age <duration>', 'exit with 2 when the oldest waits longer: 90s, 15m, 2h', durationMs)
    .option('--watch', 'measure again and again, until Ctrl+C')
    .option('--json', 'JSON, one object a measurement')
    .addHelpText(
      'after',
      `
Exit codes: 0 fine; 2 --max or --max-age is exceeded (with --watch the last measurement counts); 1 could not run.

Examples:
  npm run ops -- outbox
  npm run ops -- outbox --json --interval 1 --max-age 1m || echo "changes do not reach Kafka"`,
    )
    .action(async ({ interval, max, maxAge, watch = false, json = false }: Flags) => {
      const config = readOutboxConfig(process.env);
      const signal = stopSignal();
      process.exitCode = await withDatabase(config, 'taskstream-ops-outbox', (client) =>
        watchReport({
          measure: () => measureOutbox(client, { intervalMs: interval * 1_000, signal }),
          show: outboxText,
          exceeds: ({ depth, oldestAgeSeconds }) =>
            (max !== undefined && depth > max) ||
            (maxAge !== undefined && oldestAgeSeconds !== null && oldestAgeSeconds * 1_000 > maxAge),
          watch,
          json,
          output: createOutput(),
        }),
      );
    });
