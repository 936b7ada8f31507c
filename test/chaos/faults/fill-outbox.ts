/** A long outage of the broker: 100,000 changes wait in the outbox, and drain when it is back, in the memory of a pod. */
import { createCommand, createTasks, taskIn } from '../../support/task.ts';
import { waitFor } from '../../support/wait.ts';
import { acknowledge, type History } from '../history.ts';
import type { World } from '../world.ts';
import type { Fault } from './fault.ts';
import { creationOf } from '../../support/sample.ts';

const ROWS = 100_000;
const CHUNK = 500;
const DRAIN_MS = 300_000;

/** Creates tasks past the API, as fast as PostgreSQL takes them. */
export const createMany = async (
  { database, topics }: Pick<World, 'database' | 'topics'>,
  history: History,
  rows: number,
): Promise<void> => {
  for (let made = 0; made < rows; made += CHUNK) {
    const commands = Array.from({ length: CHUNK }, (_, index) =>
      createCommand(creationOf(`task ${made + index} of a backlog`)),
    );
    for (const result of await createTasks(database.pool, taskIn({ TASKS_TOPIC: topics.tasks }), commands)) {
      if (result instanceof Error) throw result;
      history.keys.add(result.id);
      acknowledge(history, result);
    }
  }
};

/** Waits until no more than 5,000 changes are left, which the clients' own may be. */
export const drained = async ({ database }: Pick<World, 'database'>): Promise<void> => {
  await waitFor(
    'the outbox to drain',
    async () => {
      const { rows } = await database.pool.query('SELECT 1 FROM outbox OFFSET 5000 LIMIT 1');
      return rows.length === 0;
    },
    { timeoutMs: DRAIN_MS, intervalMs: 200 },
  );
};

export const fillOutbox: Fault = {
  name: 'fill-outbox',
  // On a slow machine it lasts for longer than the relay waits for a confirmation, and then sends again.
  graceful: false,
  touches: ['links', 'kafka', 'postgres', 'apis', 'indexers', 'topic', 'clock'],
  inject: async (world, _random, history) => {
    await world.servers.setLink('api-kafka', { kind: 'cut' });
    await createMany(world, history, ROWS);
    await world.servers.setLink('api-kafka', { kind: 'open' });
    await drained(world);
  },
};
