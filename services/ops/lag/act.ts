/** What `ops lag` does. */
import { measureLag } from './lag.ts';
import { lagTable } from '../cli/backlog.ts';
import { watchReport } from '../cli/watch.ts';
import { readTopicsConfig } from '../env.ts';
import { withReader } from '../cli/with-reader.ts';
import { createOutput } from '../cli/output.ts';
import { stopSignal } from '../cli/stop-signal.ts';

interface Flags {
  readonly group?: string;
  readonly interval: number;
  readonly max?: number;
  readonly watch?: boolean;
  readonly json?: boolean;
}

export const showLag = async ({ group: other, interval, max, watch = false, json = false }: Flags) => {
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
};
