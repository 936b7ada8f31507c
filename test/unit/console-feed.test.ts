import { expect, it } from 'vitest';
import { newsOf } from '../../services/api/console/feed.ts';
import type { Message } from '../../services/platform/kafka/native.ts';

const types = { created: 'things.created', updated: 'things.updated', deleted: 'things.deleted' };
const effects = { 'things.created': 'index', 'things.updated': 'index', 'things.deleted': 'delete' } as const;
const idOf = (thing: number): string => `019a2b3c-4d5e-7f60-8a9b-${String(thing).padStart(12, '0')}`;

let offset = 0;
const record = (headers: Readonly<Record<string, string>>): Message => ({
  ...{ topic: 'things', partition: 0, offset: (offset += 1), key: null, value: null, size: 0 },
  headers: Object.entries(headers).map(([name, value]) => ({ [name]: Buffer.from(value) })),
});
const event = (kind: keyof typeof types, thing: number, version: number): Message =>
  record({ ce_type: types[kind], ce_subject: idOf(thing), ce_id: `${idOf(thing)}:${version}` });
const news = (messages: readonly Message[], passed?: number) => newsOf(messages, { types, effects }, passed);

it('tells the newest change of each thing, and one that was created meanwhile as created', () => {
  expect(
    news([
      event('created', 1, 1),
      event('updated', 2, 7),
      event('updated', 1, 2),
      event('deleted', 3, 4),
      event('updated', 2, 6),
    ]),
  ).toEqual({
    changes: [
      { kind: 'changed', id: idOf(2), version: 7 },
      { kind: 'created', id: idOf(1), version: 2 },
      { kind: 'deleted', id: idOf(3), version: 4 },
    ],
    more: 0,
  });
});

it('sums a burst up: the newest are told one by one, and of the rest their number', () => {
  const found = news(
    Array.from({ length: 400 }, (_, thing) => event('created', thing, 1)),
    1_000,
  );
  expect(found?.more).toBe(1_350);
  expect(found?.changes.map(({ id }) => id)).toEqual(Array.from({ length: 50 }, (_, i) => idOf(350 + i)));
});

it('tells nothing of tombstones, and of records that no service wrote', () => {
  expect(news([])).toBeUndefined();
  expect(
    news([
      record({ version: '2' }),
      record({ ce_type: 'things.created', ce_subject: '<b>no id</b>', ce_id: '<b>no id</b>:1' }),
      record({ ce_type: 'things.created', ce_subject: idOf(1), ce_id: idOf(1) }),
    ]),
  ).toBeUndefined();
});
