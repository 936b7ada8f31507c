/** Events of every kind that can never be indexed, between good ones. */
import { v7 as uuidv7 } from 'uuid';
import { taskOf } from '../../support/events.ts';
import type { Fault } from './fault.ts';

const bad = (id: string): readonly string[] => [
  'no JSON',
  '{}',
  JSON.stringify({ type: 'tasks.event.unknown', value: taskOf({ id }) }),
  JSON.stringify({ type: 'tasks.event.created', value: { ...taskOf({ id }), version: -1 } }),
  JSON.stringify({ type: 'tasks.event.updated', value: { id } }),
];

export const poison: Fault = {
  name: 'poison',
  graceful: true,
  inject: async ({ topics }, random) => {
    const count = random.int(5, 50);
    const records = Array.from({ length: count }, () => {
      const id = uuidv7();
      return { key: id, value: Buffer.from(random.pick(bad(id))), headers: [] };
    });
    await topics.produce(records);
    return count;
  },
};
