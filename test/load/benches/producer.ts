/**
 * What the relay's settings of the Kafka client bring: the raw producer with fewer headers, other waits, smaller chunks and other
 * compression, beside the same with the services' own. Bytes are those on the wire and on a broker's disk.
 */
import { taskIn } from '../../support/task.ts';
import { runChild } from '../child.ts';
import type { ProduceOrder, ProduceResult } from '../children/produce.ts';
import { createSpareTopic } from '../spare-topic.ts';
import { fillTasks } from '../tasks.ts';
import type { Bench } from './bench.ts';

const CHUNK = 1_000;
const OWN = { name: "the services' own settings", order: {} };
/** The first one counts for nothing: the broker compiles what it does. */
const VARIANTS: readonly {
  readonly name: string;
  readonly order: Partial<Pick<ProduceOrder, 'chunk' | 'headers' | 'settings'>>;
}[] = [
  OWN,
  OWN,
  { name: '3 headers of 7', order: { headers: 3 } },
  { name: 'no headers', order: { headers: 0 } },
  { name: 'chunks of 100 records', order: { chunk: 100 } },
  { name: 'chunks of 5,000 records', order: { chunk: 5_000 } },
  { name: 'linger.ms 0', order: { settings: { 'linger.ms': 0 } } },
  { name: 'linger.ms 20', order: { settings: { 'linger.ms': 20 } } },
  { name: 'no compression', order: { settings: { 'compression.codec': 'none' } } },
  { name: 'zstd', order: { settings: { 'compression.codec': 'zstd' } } },
  OWN,
];

export const producer: Bench = {
  run: async ({ servers, report, isQuick }) => {
    const count = isQuick ? 20_000 : 100_000;
    const stack = await servers.createStack();
    try {
      report.progress(`filling an outbox of ${count} rows`);
      await fillTasks(stack.database.pool, count, undefined, taskIn(stack.env));
      for (const [turn, { name, order }] of VARIANTS.entries()) {
        const topic = await createSpareTopic(stack);
        try {
          let result: ProduceResult | undefined;
          const { Kafka = Number.NaN } = await stack.measureCpu(async () => {
            result = await runChild<ProduceResult>('produce', {
              env: stack.env,
              topic: topic.tasks,
              chunk: CHUNK,
              ...order,
            } satisfies ProduceOrder);
            return count;
          });
          if (turn === 0 || result === undefined) continue;
          const onDisk = (stack.topicBytes(topic.tasks) / count).toFixed(0);
          report.add({
            what: `raw producer, ${name}: ${result.wireBytes.toFixed(0)} bytes a record on the wire, ${onDisk} on disk`,
            value: result.perSecond,
            unit: '/s',
            cpu: { producer: result.cpuMicros, Kafka },
          });
        } finally {
          await topic.close();
        }
      }
    } finally {
      await stack.close();
    }
  },
};
