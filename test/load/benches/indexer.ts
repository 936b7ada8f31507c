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
      /** Events of new tasks; whoever writes them here, they are in the topic at once. */
      const fill = async () => {
        report.progress(`filling a topic with ${count} events`);
        await stack.database.pool.query('TRUNCATE outbox');
        await fillTasks(stack.database.pool, count, undefined, taskIn(stack.env));
      };
      const produce = () => runChild<unknown>('produce', { env: stack.env, topic: stack.topics.tasks, chunk: CHUNK });
      const drain = async (until: number): Promise<Sample[]> => {
        const samples: Sample[] = [];
        for (let indexed = 0; indexed < until;) {
          indexed = await service.metric('taskstream_indexer_events_total', { outcome: 'indexed' });
          samples.push({ atMs: performance.now(), count: indexed - (until - count) });
          await sleep(50);
        }
        return samples;
      };
      await fill();
      await produce();
      // A first time for the indexer and Elasticsearch to compile what they do: raw `_bulk` is to meet a server as warm.
      report.progress('warming up');
      const service = await stack.startIndexer();
      await drain(count);
      report.progress('raw _bulk and raw consumer');
      const order: BulkOrder = { env: stack.env, topic: stack.topics.tasks, alias: spare.alias, chunk: CHUNK };
      const raw = await runChild<{ perSecond: number; consumedPerSecond: number }>('bulk', order);
      await fill();
      // It stands still for seconds, and keeps its place in the group.
      process.kill(service.pid, 'SIGSTOP');
      try {
        await produce();
      } finally {
        process.kill(service.pid, 'SIGCONT');
      }
      report.progress('indexer');
      let samples: Sample[] = [];
      const cpu = await stack.measureCpu(async () => {
        samples = await drain(2 * count);
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
