import { expect, it } from 'vitest';
import type { Message } from '../../services/platform/kafka/native.ts';
import { judgeLog } from '../chaos/check-log.ts';
import { emptyHistory } from '../chaos/history.ts';

const ID = '01900000-0000-7000-8000-000000000001';

const logOf = (...versions: readonly number[]): Message[] =>
  versions.map((version, offset) => ({
    topic: 'tasks',
    partition: 0,
    offset,
    key: Buffer.from(ID),
    value: Buffer.from(
      JSON.stringify({
        type: version === 1 ? 'tasks.event.created' : 'tasks.event.updated',
        value: { version, updatedAt: '2026-01-01T00:00:00.000Z' },
      }),
    ),
    size: 1,
    timestamp: 0,
    headers: [],
  }));

const judged = (events: readonly Message[], history = emptyHistory()) =>
  judgeLog(events, [], new Map([[ID, 3]]), history);

it('takes a log in order, and one with deliveries that came again', () => {
  expect(judged(logOf(1, 2, 3))).toMatchObject({ lost: [], other: [] });
  expect(judged(logOf(1, 2, 3, 2, 3, 1))).toMatchObject({ lost: [], other: [] });
});

it('takes a version that came behind the newest one, when that one came again', () => {
  expect(judged(logOf(1, 3, 2, 3))).toMatchObject({ lost: [], other: [] });
  expect(judged(logOf(2, 3, 1, 2, 3))).toMatchObject({ lost: [], other: [] });
});

it('reports a version that was left behind the newest one of its task', () => {
  const text = `version 2 of ${ID} came behind version 3, which did not come again`;
  expect(judged(logOf(1, 3, 2))).toMatchObject({ lost: [], other: [text] });
  expect(judged(logOf(1, 3, 3, 2))).toMatchObject({ lost: [], other: [text] });
});

it('leaves alone what others wrote into another partition', () => {
  const elsewhere = logOf(3, 2).map((record) => ({ ...record, partition: 1 }));
  expect(judged([...logOf(1, 2, 3), ...elsewhere])).toMatchObject({ other: [] });
});

it('does not judge the order of a compacted log, which may have lost the first of two deliveries', () => {
  expect(judged(logOf(3, 2), { ...emptyHistory(), isCompacted: true })).toMatchObject({ other: [] });
});

it('reports a version that never came', () => {
  expect(judged(logOf(1, 3))).toMatchObject({ lost: [`version 2 of ${ID} was never published`], other: [] });
});
