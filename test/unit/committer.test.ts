import { expect, test } from 'vitest';
import { Committer } from '../../services/pipeline/consume/committer.ts';
import { createLogger } from '../../services/platform/logger.ts';
import type { TopicPartitionOffset } from '../../services/platform/kafka/native.ts';

const logger = createLogger({ service: 'test', level: 'silent' });
const next = (partition: number, offset: number): TopicPartitionOffset => ({ topic: 'tasks', partition, offset });
const committerOf = (commit: (offsets: readonly TopicPartitionOffset[]) => Promise<void>) =>
  new Committer({ commit, onFailure: () => undefined, logger });

test('repeats a refused commit until the broker has the newest offset', async () => {
  const seen: number[] = [];
  const committer = committerOf(async (offsets) => {
    seen.push(...offsets.map(({ offset }) => offset));
    if (seen.length === 1) throw new Error('REBALANCE_IN_PROGRESS');
  });
  committer.mark([next(0, 5)]);
  committer.mark([next(0, 9)]);
  expect(await committer.flush(5_000)).toBe(true);
  expect(seen.at(-1)).toBe(9);
});

test('a commit that was given up is not waited for a second time', async () => {
  const committer = committerOf(() => new Promise<never>(() => undefined));
  committer.mark([next(0, 5), next(1, 7)]);
  expect(await committer.flush(20)).toBe(false);
  committer.drop([0, 1]);
  const outcome = await Promise.race([
    committer.flush(60_000),
    new Promise<string>((resolve) =>
      setTimeout(() => {
        resolve('waited');
      }, 1_000),
    ),
  ]);
  expect(outcome).toBe(true);
});
