/** Changes that the topic refuses for good are in the outbox, between good ones: each is set aside, and nothing else is. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import { waitFor } from '../../support/wait.ts';
import type { Fault } from './fault.ts';

const MOST_BYTES = 100_000;

export const refusedRecord: Fault = {
  name: 'refused-record',
  // Records that shared a request with one of them are refused too, and sent again.
  graceful: false,
  touches: ['topic', 'postgres', 'kafka'],
  topicConfig: { 'max.message.bytes': String(MOST_BYTES) },
  inject: async ({ database, topics }, random) => {
    const planted = Array.from({ length: random.int(1, 10) }, () => uuidv7());
    for (const id of planted) {
      // No compression makes it fit.
      const text = randomBytes(MOST_BYTES).toString('base64');
      await database.pool.query(
        `INSERT INTO outbox (topic, type, task_id, version, task) VALUES ($1, 'tasks.event.updated', $2, 1, $3)`,
        [topics.tasks, id, JSON.stringify({ id, version: 1, text })],
      );
      await sleep(random.int(0, 300));
    }
    const refused = async () => {
      const { rows } = await database.pool.query<{ id: string }>('SELECT task_id::text AS id FROM outbox_refused');
      return rows.map(({ id }) => id);
    };
    await waitFor('the records to be set aside', async () => (await refused()).length >= planted.length, {
      timeoutMs: 120_000,
    });
    const others = (await refused()).filter((id) => !planted.includes(id));
    if (others.length > 0) throw new Error(`good changes were set aside: ${others.join()}`);
  },
};
