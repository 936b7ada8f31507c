/** Events of every kind that can never be indexed, between good ones. */
import { v7 as uuidv7 } from 'uuid';
import { toHeaders } from '../../../services/platform/kafka/producer.ts';
import { taskOf } from '../../support/events.ts';
import type { Fault } from './fault.ts';

/** By which the checker knows what was planted. */
export const POISON_HEADER = 'chaos-poison';

const bad = (id: string): readonly (readonly [key: string, value: string])[] => [
  [id, 'no JSON'],
  [id, '\u0000\uffff'],
  [id, '{}'],
  [id, '[]'],
  [id, JSON.stringify({ type: 'tasks.event.unknown', value: taskOf({ id }) })],
  [id, JSON.stringify({ type: 'tasks.event.created', value: { ...taskOf({ id }), version: -1 } })],
  [id, JSON.stringify({ type: 'tasks.event.updated', value: { id } })],
  [id, JSON.stringify({ type: 'tasks.event.deleted', value: { version: 3 } })],
  // Under another key it could overtake, or be overtaken by, the events of its task.
  [uuidv7(), JSON.stringify({ type: 'tasks.event.created', value: taskOf({ id }) })],
  // RFC 3339 has such an offset; Elasticsearch takes none beyond 18 hours.
  [id, JSON.stringify({ type: 'tasks.event.created', value: taskOf({ id, createdAt: '2026-01-01T00:00:00+23:00' }) })],
];

export const poison: Fault = {
  name: 'poison',
  graceful: true,
  touches: ['topic'],
  inject: async ({ topics }, random) => {
    const records = Array.from({ length: random.int(20, 60) }, () => {
      const [key, value] = random.pick(bad(uuidv7()));
      return { key, value: Buffer.from(value), headers: toHeaders({ [POISON_HEADER]: 'true' }) };
    });
    await topics.produce(records);
  },
};
