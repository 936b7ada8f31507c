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

const OPTIONS = {
  entity: taskIn(),
  metrics: createIndexerMetrics(new Registry()),
  logger: createLogger({ service: 'indexer', level: 'silent' }),
  waitMs: 20,
  drainDeadlineMs: 20,
  onProgress: () => undefined,
  onDone: () => undefined,
  onCaughtUp: () => undefined,
} as const;

/** Partitions without an end, read in turns. @param sizeOf bytes of the record that is read as the `count`th */
const createEndlessClient = (sizeOf: (count: number) => number = () => 100) => {
  const owned = new Set(PARTITIONS);
  const positions = new Map<number, number>();
  let isPaused = false;
  let count = 0;
  const read = (partition: number): Message => {
    const offset = positions.get(partition) ?? 0;
    positions.set(partition, offset + 1);
    count += 1;
    return {
      topic: 'tasks',
      partition,
      offset,
      size: sizeOf(count),
      key: Buffer.from('key'),
      value: null,
      headers: [],
    };
  };
  const client: GroupClient = {
    poll: async (max) => {
      await delay(1);
      const all = [...owned];
      const length = isPaused ? 0 : max;
      return { messages: Array.from({ length }, (_, index) => read(all[index % all.length] ?? 0)), ends: [] };
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
    ...OPTIONS,
    maxBatchEvents: MAX,
    maxBatchBytes: 5_242_880,
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

it('one long record cuts what was read with it into no small batches', async () => {
  // One is read at first, and then up to eight times as many at a time.
  const GATHERED = 64;
  const { client } = createEndlessClient((count) => (count === GATHERED ? 90_000 : 100));
  const sizes: number[] = [];
  let release: () => void = () => undefined;
  const first = new Promise<void>((resolve) => (release = resolve));
  const consumer = new GroupConsumer({
    ...OPTIONS,
    maxBatchEvents: 1_000,
    maxBatchBytes: 100_000,
    processor: {
      process: async (batch) => {
        sizes.push(batch.length);
        await first;
        return batch.map(() => true);
      },
    },
  });
  await consumer.start((given) => {
    given.onAssign(PARTITIONS);
    return Promise.resolve(client);
  });
  await waitFor('the long record', async () => {
    const { values } = await OPTIONS.metrics.buffered.get();
    return values.some(({ value }) => value >= GATHERED);
  });
  release();
  await waitFor('the second batch', () => sizes.length > 1);
  expect(sizes.slice(0, 2)).toEqual([1, GATHERED]);
  await consumer.close();
});
