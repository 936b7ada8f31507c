import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createMemory, type Memory } from '../../services/platform/auth/memory.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const inSeconds = (seconds: number): number => NOW / 1_000 + seconds;
let memory: Memory<string>;
beforeEach(() => {
  vi.useFakeTimers({ now: NOW, toFake: ['Date', 'performance'] });
  memory = createMemory();
});
afterEach(() => {
  vi.useRealTimers();
});

it('forgets what was found out after a minute, or when it ends', () => {
  memory.keep('long', 'ada', inSeconds(3_600));
  memory.keep('short', 'bob', inSeconds(10));
  memory.keep('over', 'eve', inSeconds(-1));
  expect(['long', 'short', 'over'].map((text) => memory.recall(text))).toEqual(['ada', 'bob', undefined]);
  vi.advanceTimersByTime(10_001);
  expect(['long', 'short'].map((text) => memory.recall(text))).toEqual(['ada', undefined]);
  vi.advanceTimersByTime(50_000);
  expect(memory.recall('long')).toBeUndefined();
});

it('holds ten thousand, and then lets go of the oldest', () => {
  for (let n = 0; n <= 10_000; n += 1) memory.keep(String(n), 'ada', inSeconds(3_600));
  expect(['0', '1', '10000'].map((text) => memory.recall(text))).toEqual([undefined, 'ada', 'ada']);
});
