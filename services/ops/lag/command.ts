/** `ops lag`: what waits for the indexers, at what rate it drains, and when it will be done. */
import { Command } from 'commander';
import { helpText } from '../cli/help.ts';
import { measureLag } from './lag.ts';
import { lagTable } from '../cli/backlog.ts';
import { watchReport } from '../cli/watch.ts';
import { readTopicsConfig } from '../env.ts';
import { withReader } from '../cli/with-reader.ts';
import { seconds, wholeNumber } from '../cli/arguments.ts';
import { createOutput } from '../cli/output.ts';
import { stopSignal } from '../cli/stop-signal.ts';

interface Flags {
  readonly group?: string;
  readonly interval: number;
  readonly max?: number;
  readonly watch?: boolean;
  readonly json?: boolean;
}

export const lagCommand = (): Command =>
  new Command('lag')
    .option('--group <name>', "another group than the indexers' (CONSUMER_GROUP)")
    .option('--interval <seconds>', 'time over which the rates are measured', seconds, 5)
    .option('--max <events>', 'exit with 2 when more events than this wait', wholeNumber)
    .option('--watch', 'measure again and again, until Ctrl+C')
    .option('--json', 'JSON, one object a measurement')
    .addHelpText(
      'after',
      helpText({
        notes: `
"done in" is the lag divided by what "out" exceeds "in"; it is null in JSON when the lag does not shrink.

A partition whose brokers are away cannot be asked: its lag is "unknown", null in JSON, and total.unknown counts those.`,
        exits: {
          0: 'fine',
          2: "more than --max events wait, or a partition's lag is unknown; with --watch the last measurement counts",
        },
        examples: [
          'npm run ops -- lag --watch',
          'npm run --silent ops -- lag --json --interval 1 --max 10000 | jq .total',
        ],
      }),
    )
    .action(async ({ group: other, interval, max, watch = false, json = false }: Flags) => {
      const config = readTopicsConfig(process.env);
      const group = other ?? config.CONSUMER_GROUP;
      const signal = stopSignal();
      process.exitCode = await withReader(config, { signal, group, withOpenTransactions: true }, (reader) =>
        watchReport({
          measure: () => measureLag(reader, { topic: config.TASKS_TOPIC, group, intervalMs: interval * 1_000, signal }),
          show: (report) => lagTable(report),
          exceeds: ({ total }) => max !== undefined && (total.lag > max || total.unknown > 0),
          watch,
          json,
          output: createOutput(),
        }),
      );
    });
