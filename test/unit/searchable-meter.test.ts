import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createSearchableMeter, type SearchableMeter } from '../../services/pipeline/consume/searchable.ts';

const INDEX_REFRESH_MS = 1_000;
let took: number[];
let meter: SearchableMeter;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
  took = [];
  meter = createSearchableMeter({ indexRefreshMs: INDEX_REFRESH_MS, observe: (ms) => took.push(ms) });
});
afterEach(() => {
  vi.useRealTimers();
});

it('a change is found when a refresh that began after its write has ended', () => {
  meter.written([Date.now() - 50]);
  vi.advanceTimersByTime(10);
  const beganAt = performance.now();
  vi.advanceTimersByTime(5);
  meter.written([Date.now()]);
  vi.advanceTimersByTime(15);
  meter.refreshed(beganAt);
  expect(took).toEqual([80]);
});

it("a change that no refresh showed is found by the index's timer, however late the next batch is", () => {
  meter.written([Date.now() - 50]);
  vi.advanceTimersByTime(60_000);
  meter.written([]);
  expect(took).toEqual([1_050]);
});

it('a refresh that hangs for longer than the index waits is not what showed the change', () => {
  meter.written([Date.now()]);
  const beganAt = performance.now();
  vi.advanceTimersByTime(30_000);
  meter.refreshed(beganAt);
  expect(took).toEqual([1_000]);
});

it("a clock that is behind the database's is no negative time", () => {
  meter.written([Date.now() + 5_000]);
  vi.advanceTimersByTime(100);
  meter.refreshed(performance.now());
  expect(took).toEqual([100]);
});

it('of very many changes that no refresh shows the oldest count as found, so that memory is bounded', () => {
  const MAX = 100_000;
  meter.written([Date.now()]);
  vi.advanceTimersByTime(10);
  meter.written(Array.from({ length: MAX }, () => Date.now()));
  expect(took).toEqual([10]);
  meter.refreshed(performance.now());
  expect(took).toHaveLength(MAX + 1);
});
