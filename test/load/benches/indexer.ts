/** Kafka to Elasticsearch: a full topic drains, beside raw `_bulk` of the same documents and a raw consumer. */
import { taskIn } from '../../support/task.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { runChild } from '../child.ts';
import type { BulkOrder } from '../children/bulk.ts';
import { ratioGoal } from '../measurement.ts';
import { rateOf, type Sample } from '../rate.ts';
import { createTestIndex } from '../../support/search-index.ts';
import { fillTasks } from '../tasks.ts';
import type { Bench } from './bench.ts';

const CHUNK = 1_000;

export const indexer: Bench = {
  run: async ({ servers, report, isQuick }) => {
    const count = isQuick ? 20_000 : 200_000;
    const stack = await servers.createStack();
    const spare = await createTestIndex(stack.env['ELASTICSEARCH_URL'] ?? '');
    try {
      report.progress(`filling a topic with ${count} events`);
      await fillTasks(stack.database.pool, count, undefined, taskIn(stack.env));
      await runChild<unknown>('produce', { env: stack.env, topic: stack.topics.tasks, chunk: CHUNK });
      report.progress('raw _bulk and raw consumer');
      const order: BulkOrder = { env: stack.env, topic: stack.topics.tasks, alias: spare.alias, chunk: CHUNK };
      const raw = await runChild<{ perSecond: number; consumedPerSecond: number }>('bulk', order);
      report.progress('indexer');
      const samples: Sample[] = [];
      const cpu = await stack.measureCpu(async () => {
        const service = await stack.startIndexer();
        for (let indexed = 0; indexed < count;) {
          indexed = await service.metric('taskstream_indexer_events_total', { outcome: 'indexed' });
          samples.push({ atMs: performance.now(), count: indexed });
          await sleep(50);
        }
        return count;
      });
      const value = rateOf(samples);
      report.add({
        what: 'indexer, full topic',
        value,
        unit: '/s',
        cpu,
        ...ratioGoal(value, { what: 'raw _bulk', value: raw.perSecond }, 0.85),
      });
      report.add({ what: 'raw consumer', value: raw.consumedPerSecond, unit: '/s' });
    } finally {
      await spare.close();
      await stack.close();
    }
  },
};
