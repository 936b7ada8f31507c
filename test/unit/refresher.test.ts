import type { Client } from '@elastic/elasticsearch';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { indexerWaitMs, refreshEveryMs } from '../../services/pipeline/freshness.ts';
import { createRefresher } from '../../services/pipeline/index/refresher.ts';
import { createLogger } from '../../services/platform/logger.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it.each([20, 1_000, 10_000])('shows each batch of a steady load at once, for a target of %i ms', async (targetMs) => {
  const refreshedAt: number[] = [];
  const refresh = async () => {
    refreshedAt.push(performance.now());
  };
  const refresher = createRefresher({
    client: { indices: { refresh } } as unknown as Pick<Client, 'indices'>,
    alias: 'tasks',
    everyMs: refreshEveryMs(targetMs),
    onRefreshed: () => undefined,
    logger: createLogger({ service: 'test', level: 'silent' }),
  });
  const writtenAt: number[] = [];
  for (let batch = 1; batch <= 50; batch += 1) {
    writtenAt.push(performance.now());
    refresher.request();
    await vi.advanceTimersByTimeAsync(indexerWaitMs(targetMs));
  }
  refresher.close();
  const waits = writtenAt.map((at, batch) => (refreshedAt[batch] ?? Infinity) - at);
  expect(Math.max(...waits)).toBeLessThanOrEqual(1);
});
