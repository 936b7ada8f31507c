/** Waits until all that was written is in the index. */
import { waitFor } from '../support/wait.ts';
import type { Stack } from './stack.ts';

export const caughtUp = async ({ database, topics, env }: Stack, timeoutMs = 300_000): Promise<void> => {
  const group = env['CONSUMER_GROUP'] ?? '';
  await waitFor(
    'the pipeline to catch up',
    async () => {
      const { rows } = await database.pool.query('SELECT 1 FROM outbox LIMIT 1');
      if (rows.length > 0) return false;
      return (await topics.committed(group)) === (await topics.end());
    },
    { timeoutMs, intervalMs: 200 },
  );
};
