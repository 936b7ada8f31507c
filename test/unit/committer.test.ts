import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
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

test('gathers for a while after a commit, and no longer once somebody waits', async () => {
  const commits: { readonly atMs: number; readonly offset: number }[] = [];
  const committer = committerOf(async (offsets) => {
    for (const { offset } of offsets) commits.push({ atMs: performance.now(), offset });
  });
  const startedAt = performance.now();
  committer.mark([next(0, 1)]);
  await vi.waitFor(() => {
    expect(commits).toHaveLength(1);
  });
  for (let offset = 2; offset <= 9; offset += 1) {
    committer.mark([next(0, offset)]);
    await sleep(10);
  }
  await vi.waitFor(
    () => {
      expect(commits).toHaveLength(2);
    },
    { timeout: 5_000 },
  );
  expect(commits.map(({ offset }) => offset)).toEqual([1, 9]);
  expect((commits[1]?.atMs ?? 0) - startedAt).toBeGreaterThan(240);
  committer.mark([next(0, 10)]);
  await sleep(20);
  expect(commits).toHaveLength(2);
  expect(await committer.flush(5_000)).toBe(true);
  expect(commits.at(-1)?.offset).toBe(10);
  expect((commits[2]?.atMs ?? Infinity) - (commits[1]?.atMs ?? 0)).toBeLessThan(240);
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
