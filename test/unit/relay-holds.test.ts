import { crc32 } from 'node:zlib';
import { expect, it } from 'vitest';
import kafka from '@confluentinc/kafka-javascript';
import { Holds } from '../../services/pipeline/relay/holds.ts';
import type { Change } from '../../services/pipeline/relay/records.ts';
import { DeliveryError } from '../../services/platform/kafka/producer.ts';

const PARTITIONS = 4;
const change = (row: number, id: string, slot = 0): Change => ({
  row: {
    id: String(row),
    topic: 'tasks',
    type: 'tasks.event.updated',
    task_id: id,
    version: '1',
    task: '{}',
    slot,
    traceparent: null,
    tracestate: null,
    time_ms: '0',
  },
  entity: 'task',
  topic: 'tasks',
  records: [],
});
const failure = (code: number, partition?: number) =>
  new DeliveryError(Object.assign(new Error('failed'), { code }), partition);
const { ERR__MSG_TIMED_OUT: TIMED_OUT, ERR_MSG_SIZE_TOO_LARGE: TOO_LARGE } = kafka.CODES.ERRORS;
const partitionOf = (id: string): number => crc32(id) % PARTITIONS;
const NONE: ReadonlySet<number> = new Set();
const ids = Array.from({ length: 100 }, (_, n) => `id-${n}`);

it('a partition that does not answer holds back its own ids and no others', () => {
  const holds = new Holds();
  holds.setPartitions('tasks', PARTITIONS);
  holds.fail(change(1, 'id-0'), failure(TIMED_OUT, partitionOf('id-0')));
  for (const id of ids) expect(holds.of(change(2, id)) !== undefined).toBe(partitionOf(id) === partitionOf('id-0'));
});

it('a topic whose partitions nobody knew is held back only until its first row fails by its partition', () => {
  const holds = new Holds();
  holds.fail(change(1, 'id-0'), failure(TIMED_OUT, partitionOf('id-0')));
  const [hold] = [holds.of(change(2, 'id-1'))];
  if (hold === undefined) throw new Error('nothing is held');
  holds.failAgain(hold, failure(TIMED_OUT));
  expect(holds.releasable(new Set())).toEqual([]);
  holds.setPartitions('tasks', PARTITIONS);
  holds.failAgain(hold, failure(TIMED_OUT, partitionOf('id-0')));
  expect([holds.releasable(new Set(['id-0'])), holds.releasable(new Set())]).toEqual([[], [hold]]);
  holds.release(hold);
  holds.fail(change(1, 'id-0'), failure(TIMED_OUT, partitionOf('id-0')));
  for (const id of ids) expect(holds.of(change(2, id)) !== undefined).toBe(partitionOf(id) === partitionOf('id-0'));
});

it('a record that is refused holds back its own id and no other', () => {
  const holds = new Holds();
  holds.setPartitions('tasks', PARTITIONS);
  holds.fail(change(1, 'id-0'), failure(TOO_LARGE, partitionOf('id-0')));
  for (const id of ids) expect(holds.of(change(2, id)) !== undefined).toBe(id === 'id-0');
});

it('retries the first row once no row of its id is in flight, and goes back to the first that waits', () => {
  const holds = new Holds();
  holds.fail(change(7, 'a'), failure(TIMED_OUT));
  holds.fail(change(5, 'b'), failure(TIMED_OUT));
  const [hold] = [holds.of(change(9, 'a'))];
  if (hold === undefined) throw new Error('nothing is held');
  holds.wait(hold, change(3, 'c'));
  hold.retryAt = 0;
  expect(holds.due(new Set(['b']), NONE)).toEqual([]);
  expect(holds.due(new Set(['c']), NONE)).toEqual([hold]);
  expect([hold.first.row.id, hold.from]).toEqual(['5', 3]);
  holds.release(hold);
  expect([holds.of(change(9, 'a')), holds.followsFailed(change(9, 'b')), holds.size]).toEqual([undefined, false, 0]);
});

it('a later row stays with the hold of its earlier one, whatever each of them failed with, and is never retried before it', () => {
  for (const rows of [
    [2, 7],
    [7, 2],
  ]) {
    const holds = new Holds();
    holds.setPartitions('tasks', PARTITIONS);
    for (const row of rows) {
      // The client was closed: nothing says which partition it was meant for.
      const error = row === 7 ? new Error('closed') : failure(TIMED_OUT, partitionOf('a'));
      holds.fail(change(row, 'a'), error);
    }
    const hold = holds.of(change(8, 'a'));
    if (hold === undefined) throw new Error('nothing is held');
    hold.retryAt = 0;
    expect(holds.due(new Set(), NONE)).toEqual([hold]);
    expect([hold.first.row.id, hold.from]).toEqual(['2', 2]);
    holds.release(hold);
    expect(holds.size).toBe(0);
  }
});

it('ends only when nothing is in flight of an id that failed while the first row was retried', () => {
  const holds = new Holds();
  holds.fail(change(1, 'a'), failure(TIMED_OUT));
  const hold = holds.of(change(2, 'a'));
  if (hold === undefined) throw new Error('nothing is held');
  hold.isRetried = true;
  // Both were sent before the hold began; the later one is still in flight when Kafka has the row of the other id.
  holds.fail(change(3, 'b'), failure(TIMED_OUT));
  holds.end(hold);
  expect(holds.releasable(new Set(['b']))).toEqual([]);
  expect([holds.followsFailed(change(4, 'b')), holds.due(new Set(), NONE), holds.rows(9)]).toEqual([true, [], []]);
  expect(holds.releasable(new Set(['c']))).toEqual([hold]);
});

it('a row that Kafka has before a later one of its id failed is in order, and is not sent again behind it', () => {
  const holds = new Holds();
  holds.fail(change(7, 'a'), failure(TIMED_OUT));
  holds.fail(change(5, 'a'), failure(TIMED_OUT));
  expect([4, 6, 9].map((row) => holds.followsFailed(change(row, 'a')))).toEqual([false, true, true]);
});

it('forgets the rows of slots that another relay has, and holds the others back as before', () => {
  const holds = new Holds();
  holds.setPartitions('tasks', PARTITIONS);
  const [first = '', second = '', third = ''] = ids.filter((id) => partitionOf(id) === 0);
  const elsewhere = ids.find((id) => partitionOf(id) === 1) ?? '';
  holds.fail(change(1, first, 5), failure(TIMED_OUT, 0));
  holds.fail(change(2, second, 6), failure(TIMED_OUT, 0));
  holds.fail(change(3, elsewhere, 7), failure(TIMED_OUT, 1));
  const hold = holds.of(change(4, first));
  if (hold === undefined) throw new Error('it is not held');
  holds.wait(hold, change(4, third, 8));
  hold.retryAt = 0;
  hold.isRetried = true;
  expect(holds.slotsRetried()).toEqual(new Set([5]));
  holds.letGo(new Set([6]));
  expect([hold.first.row.id, holds.followsFailed(change(9, first)), holds.followsFailed(change(9, second))]).toEqual([
    '1',
    true,
    false,
  ]);
  holds.failAgain(hold, failure(TIMED_OUT, 0));
  hold.retryAt = 0;
  expect([holds.due(new Set(), new Set([5])), holds.nextRetryAt(new Set([5])) > 0]).toEqual([[], true]);
  holds.letGo(new Set([5]));
  // What waits is tried in the place of what failed, and nothing else is let through.
  expect([hold.first.row.id, hold.isOver, holds.due(new Set(), NONE)]).toEqual(['4', false, [hold]]);
  expect([holds.of(change(9, second)), holds.due(new Set([third]), NONE)]).toEqual([hold, []]);
  holds.letGo(new Set([7, 8]));
  expect([holds.due(new Set(), NONE), holds.releasable(new Set()).length]).toEqual([[], 2]);
});

it('tries no row that waits before an earlier one of its slot that waits elsewhere', () => {
  const holds = new Holds();
  holds.setPartitions('tasks', PARTITIONS);
  const [ofPartition = '', waiting = ''] = ids.filter((id) => partitionOf(id) === 0);
  holds.fail(change(1, ofPartition, 6), failure(TIMED_OUT, 0));
  const partition = holds.of(change(5, waiting, 7));
  if (partition === undefined) throw new Error('it is not held');
  holds.wait(partition, change(5, waiting, 7));
  // The client was closed: nothing says which partition it was meant for, and all of the topic waits.
  holds.fail(change(6, ids.find((id) => partitionOf(id) === 1) ?? '', 5), new Error('closed'));
  const topic = holds.of(change(7, waiting, 7));
  if (topic === undefined || topic === partition) throw new Error('it does not wait for the topic');
  holds.wait(topic, change(7, waiting, 7));
  for (const hold of [partition, topic]) hold.retryAt = 0;
  holds.letGo(new Set([5]));
  expect([holds.due(new Set(), NONE), holds.releasable(new Set())]).toEqual([[partition], [topic]]);
});
