/** What `ops outbox` and its commands do. */
import { listRefused, replayRefused } from '../../pipeline/relay/refused.ts';
import { readEnv } from '../../platform/env.ts';
import { placeTask, taskEnv } from '../../task/env.ts';
import { measureOutbox } from './outbox.ts';
import { outboxText } from '../cli/backlog.ts';
import { watchReport } from '../cli/watch.ts';
import { readOutboxConfig } from '../env.ts';
import { withDatabase } from '../cli/database.ts';
import { wholeNumber } from '../cli/arguments.ts';
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

const MOST_SHOWN = 1_000;

export const showOutbox = async ({ interval, max, maxAge, watch = false, json = false }: Flags) => {
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
};

export const showRefused = async () => {
  const output = createOutput();
  await withDatabase(readOutboxConfig(process.env), 'taskstream-ops-outbox', async (client) => {
    for (const change of await listRefused(client, MOST_SHOWN)) await output.write(`${JSON.stringify(change)}\n`);
  });
};

export const replay = async (ids: readonly string[]) => {
  const output = createOutput();
  const entities = [placeTask(readEnv(taskEnv, process.env))];
  await withDatabase(readOutboxConfig(process.env), 'taskstream-ops-outbox', async (client) => {
    for (const id of ids.map(wholeNumber)) {
      const outcome = await replayRefused(client, entities, String(id));
      if (outcome === undefined || outcome === 'unknown type') process.exitCode = 1;
      await output.write(`${id}: ${outcome ?? 'not among the refused changes'}\n`);
    }
  });
};
