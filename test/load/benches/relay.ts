/** Outbox to Kafka: a full outbox drains, beside a raw producer that is fed with the records of the same rows. */
import { taskIn } from '../../support/task.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { runChild } from '../child.ts';
import type { ProduceOrder } from '../children/produce.ts';
import { ratioGoal } from '../measurement.ts';
import { rateOf, type Sample } from '../rate.ts';
import { fillTasks } from '../tasks.ts';
import { createSpareTopic } from '../spare-topic.ts';
import type { Bench } from './bench.ts';

const CHUNK = 1_000;

export const relay: Bench = {
  run: async ({ servers, report, isQuick }) => {
    const count = isQuick ? 20_000 : 200_000;
    const stack = await servers.createStack();
    const spare = await createSpareTopic(stack);
    try {
      report.progress(`filling an outbox of ${count} rows`);
      await fillTasks(stack.database.pool, count, undefined, taskIn(stack.env));
      // A fresh statistic, as autovacuum would have made it while the rows came.
      await stack.database.pool.query('ANALYZE outbox');
      report.progress('raw producer');
      const order: ProduceOrder = { env: stack.env, topic: spare.tasks, chunk: CHUNK };
      const raw = await runChild<{ perSecond: number }>('produce', order);
      report.progress('relay');
      const samples: Sample[] = [];
      const cpu = await stack.measureCpu(async () => {
        const api = await stack.startApi();
        for (let published = 0; published < count;) {
          published = await api.metric('taskstream_relay_published_total');
          samples.push({ atMs: performance.now(), count: published });
          await sleep(50);
        }
        return count;
      });
      const value = rateOf(samples);
      const ceiling = { what: 'raw producer', value: raw.perSecond };
      report.add({ what: 'relay, full outbox', value, unit: '/s', cpu, ...ratioGoal(value, ceiling, 0.7) });
    } finally {
      await spare.close();
      await stack.close();
    }
  },
};
