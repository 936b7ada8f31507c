import { Writable } from 'node:stream';
import { SingleBar } from 'cli-progress';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { barOptions } from '../../services/ops/cli/bar-options.ts';

let said: string;
let bar: SingleBar;

beforeEach(() => {
  vi.useFakeTimers();
  said = '';
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      said += chunk.toString();
      done();
    },
  });
  bar = new SingleBar(barOptions('{value} lines', stream));
});
afterEach(() => {
  vi.useRealTimers();
});

it('progress without a terminal says nothing of what is done within seconds', () => {
  bar.start(0, 0);
  vi.advanceTimersByTime(2_000);
  bar.update(17);
  bar.stop();
  expect(said).toBe('');
});

it('progress without a terminal is a line now and then, and none while nothing goes on', () => {
  bar.start(0, 0);
  bar.update(10);
  vi.advanceTimersByTime(5_001);
  expect(said).toBe('10 lines\n');
  vi.advanceTimersByTime(30_000);
  expect(said).toBe('10 lines\n');
  bar.update(20);
  vi.advanceTimersByTime(5_001);
  bar.update(30);
  bar.stop();
  expect(said).toBe('10 lines\n20 lines\n30 lines\n');
});
