import { expect, it } from 'vitest';
import { OutboxCursor } from '../../services/pipeline/relay/cursor.ts';
import type { OutboxRow } from '../../services/pipeline/relay/records.ts';

const rows = (...ids: readonly number[]): OutboxRow[] =>
  ids.map((id) => ({
    id: String(id),
    topic: null,
    type: 'tasks.event.created',
    task_id: `task-${id}`,
    version: '1',
    task: '{}',
    slot: 0,
    traceparent: null,
    tracestate: null,
    time_ms: '0',
  }));

/** As PostgreSQL would answer: `drawn` numbers, transactions from `running` on still open, all that have begun below `own`. */
const bounds = (drawn: number, running: number, own?: number) => ({
  drawn,
  endedBelow: BigInt(running),
  begunBelow: own === undefined ? undefined : BigInt(own),
});

it('moves the mark over numbers whose transactions have ended, after one more scan', () => {
  const cursor = new OutboxCursor();
  cursor.observe(bounds(10, 100, 100));
  cursor.take(rows(1, 2, 10), true);
  cursor.observe(bounds(12, 100, 101));
  cursor.take(rows(12), true);
  expect(cursor.mark).toBe(0);
  cursor.observe(bounds(12, 101, 102));
  expect(cursor.mark).toBe(0);
  cursor.take([], true);
  expect(cursor.mark).toBe(10);
  expect([...cursor.seen]).toEqual(['12']);
});

it('keeps the mark below a number whose transaction is open, however many come after it', () => {
  const cursor = new OutboxCursor();
  cursor.observe(bounds(5, 100, 101));
  cursor.take(rows(1, 2, 4, 5), true);
  for (let round = 0; round < 10; round += 1) {
    cursor.observe(bounds(6 + round, 100, 102 + round));
    cursor.take(rows(6 + round), true);
  }
  // Number 3 was drawn by transaction 100.
  expect(cursor.mark).toBe(0);
  cursor.observe(bounds(16, 112, 112));
  cursor.take(rows(3), true);
  expect(cursor.mark).toBe(5);
});

it('asks which transactions have begun when a number was drawn, and not again until the mark is there', () => {
  const cursor = new OutboxCursor();
  expect(cursor.wantsBegun).toBe(false);
  cursor.observe(bounds(10, 100));
  expect(cursor.wantsBegun).toBe(true);
  cursor.observe(bounds(10, 100, 101));
  expect(cursor.wantsBegun).toBe(false);
  cursor.observe(bounds(10, 101));
  cursor.take(rows(10), true);
  expect(cursor.mark).toBe(10);
  expect(cursor.wantsBegun).toBe(false);
});

it('moves the mark no further than a scan that had no room for more', () => {
  const cursor = new OutboxCursor();
  cursor.observe(bounds(10, 100, 100));
  cursor.observe(bounds(10, 100, 100));
  cursor.observe(bounds(10, 100, 100));
  cursor.take(rows(1, 2), false);
  expect(cursor.mark).toBe(2);
  cursor.take(rows(3, 10), false);
  expect(cursor.mark).toBe(10);
});

it('remembers so many rows behind an open transaction and no more, and reads on once that has ended', () => {
  const cursor = new OutboxCursor();
  const last = 100_000;
  cursor.observe(bounds(last, 100, 101));
  cursor.observe(bounds(last, 100, 101));
  cursor.take(rows(...Array.from({ length: last }, (_, n) => n + 1)), false);
  expect(cursor.isFull).toBe(true);
  cursor.observe(bounds(last, 101));
  expect(cursor.isFull).toBe(false);
  cursor.take(rows(last + 1), false);
  expect([cursor.mark, [...cursor.seen]]).toEqual([last, [String(last + 1)]]);
});

it('reads again from a row on, except for what is in hand', () => {
  const cursor = new OutboxCursor();
  cursor.take(rows(1, 2, 3, 4), true);
  cursor.rewind(3, rows(4));
  expect([...cursor.seen]).toEqual(['1', '2', '4']);
});

it('forgets what it read of slots that others have read meanwhile, except for what is in hand', () => {
  const cursor = new OutboxCursor();
  const inSlot = (slot: number, ...ids: readonly number[]) => rows(...ids).map((row) => ({ ...row, slot }));
  cursor.observe(bounds(2, 100, 100));
  cursor.observe(bounds(2, 100, 100));
  cursor.observe(bounds(2, 100, 100));
  cursor.take([...inSlot(1, 1, 3, 5), ...inSlot(2, 2, 4, 6)], true);
  expect(cursor.mark).toBe(2);
  cursor.rewindSlots(new Set([1]), [...inSlot(1, 1, 5), ...inSlot(2, 6)]);
  expect([cursor.mark, [...cursor.seen].sort()]).toEqual([2, ['4', '5', '6']]);
});
