/**
 * A dump holds its snapshot while millions of changes are published: none of their rows can be removed. What the dead rows
 * cost the relay, while it drains what comes, and when another replica takes over and begins at the start of the outbox.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { holdPublication } from '../../../services/pipeline/relay/hold.ts';
import { readEnv } from '../../../services/platform/env.ts';
import { postgresEnv } from '../../../services/platform/postgres.ts';
import { taskIn } from '../../support/task.ts';
import type { ServiceProcess } from '../../support/process.ts';
import { ratioGoal } from '../measurement.ts';
import { rateOf, type Sample } from '../rate.ts';
import { fillTasks } from '../tasks.ts';
import type { Bench } from './bench.ts';

const MILLION = 1_000_000;
/** Rows of one INSERT. */
const CHUNK = 500_000;

export const heldSnapshot: Bench = {
  run: async ({ servers, report, isQuick }) => {
    const count = isQuick ? 5_000 : 50_000;
    const levels = isQuick ? [0, CHUNK] : [0, MILLION, 2 * MILLION, 5 * MILLION];
    const stack = await servers.createStack();
    const { pool } = stack.database;
    const postgres = readEnv(postgresEnv, stack.env);
    const api = await stack.startApi();
    const holder = await pool.connect();
    let clean: number | undefined;
    let cleanLater: number | undefined;
    try {
      await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      await holder.query('SELECT FROM outbox LIMIT 1');
      let dead = 0;
      for (const level of levels) {
        const name = `${level.toLocaleString('en-GB')} dead rows`;
        report.progress(name);
        // In one transaction: no relay ever sees them.
        for (; dead < level; dead += CHUNK) {
          await pool.query(`INSERT INTO outbox (type, task_id, version, task) ${eventRows(CHUNK)}; DELETE FROM outbox`);
        }
        const hold = await holdPublication(postgres);
        await fillTasks(pool, count, undefined, taskIn(stack.env));
        await hold.release();
        const { rate, firstMs } = await drain(api, count);
        dead += count;
        report.add({
          what: `relay, first events after a takeover, ${name}`,
          value: rate,
          unit: '/s',
          ...(clean === undefined ? {} : ratioGoal(rate, { what: 'without dead rows', value: clean }, 0.7)),
        });
        report.add({ what: `first event after a takeover, ${name}`, value: firstMs, unit: 'ms' });
        clean ??= rate;

        // The same leader goes on, behind its mark.
        const draining = drain(api, count);
        await pool.query(`INSERT INTO outbox (type, task_id, version, task) ${eventRows(count)}`);
        const { rate: later } = await draining;
        dead += count;
        report.add({
          what: `relay, the events that follow, ${name}`,
          value: later,
          unit: '/s',
          ...(cleanLater === undefined ? {} : ratioGoal(later, { what: 'without dead rows', value: cleanLater }, 0.7)),
        });
        cleanLater ??= later;
      }
    } finally {
      holder.release(true);
      await stack.close();
    }
  },
};

/** Rows of as many new things, in SQL. */
const eventRows = (count: number): string =>
  `SELECT 'tasks.event.created', gen_random_uuid(), 1, repeat('x', 300) FROM generate_series(1, ${count})`;

/** Waits until `count` more events are published. */
const drain = async (api: ServiceProcess, count: number): Promise<{ rate: number; firstMs: number }> => {
  const published = () => api.metric('taskstream_relay_published_total');
  const startedAt = performance.now();
  const before = await published();
  const samples: Sample[] = [];
  let firstMs: number | undefined;
  for (let done = 0; done < count;) {
    await sleep(20);
    done = (await published()) - before;
    samples.push({ atMs: performance.now(), count: done });
    if (done > 0) firstMs ??= performance.now() - startedAt;
  }
  return { rate: rateOf(samples), firstMs: firstMs ?? Number.NaN };
};
