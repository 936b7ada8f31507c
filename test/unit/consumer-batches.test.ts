import { setTimeout as delay } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { GroupConsumer } from '../../services/pipeline/consume/consumer.ts';
import type { GroupClient, RebalanceListener } from '../../services/pipeline/consume/group-client.ts';
import { createIndexerMetrics } from '../../services/pipeline/consume/metrics.ts';
import type { Message } from '../../services/platform/kafka/native.ts';
import { createLogger } from '../../services/platform/logger.ts';
import { taskIn } from '../support/task.ts';
import { waitFor } from '../support/wait.ts';

const MAX = 10;
const PARTITIONS = [0, 1, 2, 3, 4, 5];

/** Partitions without an end, read in turns. */
const createEndlessClient = () => {
  const owned = new Set(PARTITIONS);
  const positions = new Map<number, number>();
  let isPaused = false;
  const read = (partition: number): Message => {
    const offset = positions.get(partition) ?? 0;
    positions.set(partition, offset + 1);
    return { topic: 'tasks', partition, offset, size: 100, key: Buffer.from('key'), value: null, headers: [] };
  };
  const client: GroupClient = {
    poll: async (max) => {
      await delay(1);
      const all = [...owned];
      const count = isPaused ? 0 : max;
      return { messages: Array.from({ length: count }, (_, index) => read(all[index % all.length] ?? 0)), ends: [] };
    },
    commit: () => Promise.resolve(),
    pause: () => {
      isPaused = true;
    },
    resume: () => {
      isPaused = false;
    },
    lag: () => Promise.reject(new Error('not asked for')),
    outsideReason: () => undefined,
    refusalReason: () => undefined,
    disconnect: () => Promise.resolve(),
  };
  return { client, owned };
};

it('a batch that is taken back by rebalances, again and again, is no larger than any', async () => {
  const { client, owned } = createEndlessClient();
  const sizes: number[] = [];
  const consumer = new GroupConsumer({
    entity: taskIn(),
    metrics: createIndexerMetrics(new Registry()),
    logger: createLogger({ service: 'indexer', level: 'silent' }),
    maxBatchEvents: MAX,
    maxBatchBytes: 5_242_880,
    waitMs: 20,
    drainDeadlineMs: 20,
    onProgress: () => undefined,
    onDone: () => undefined,
    onCaughtUp: () => undefined,
    // The first few grow to what a batch may have; then the server is away.
    processor: {
      process: async (batch, signal) => {
        sizes.push(batch.length);
        if (sizes.length > 5) await new Promise((resolve) => (signal.onabort = resolve));
        return batch.map(() => !signal.aborted);
      },
    },
  });
  let listener: RebalanceListener | undefined;
  await consumer.start((given) => {
    listener = given;
    given.onAssign(PARTITIONS);
    return Promise.resolve(client);
  });
  for (const partition of PARTITIONS) {
    const before = sizes.length;
    await waitFor('a batch that waits, and one that gathers', async () => {
      await delay(50);
      return sizes.length > 5;
    });
    owned.delete(partition);
    await listener?.onRevoke([partition], false);
    await waitFor('the next attempt', () => sizes.length > before);
    owned.add(partition);
    listener?.onAssign([partition]);
  }
  expect(Math.max(...sizes)).toBe(MAX);
  await consumer.close();
});
