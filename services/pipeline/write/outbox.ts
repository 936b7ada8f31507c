/** How much waits in the outbox. */
import type { Pool } from 'pg';

export interface OutboxState {
  /** Changes that the broker has not confirmed. */
  readonly depth: number;
  /** Age of the oldest of them; 0 when there is none. */
  readonly oldestAgeSeconds: number;
}

export const readOutbox = async (pool: Pool): Promise<OutboxState> => {
  const { rows } = await pool.query<{ depth: string; age: string }>(
    `SELECT count(*) AS depth,
            coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0) AS age
     FROM outbox`,
  );
  return { depth: Number(rows[0]?.depth ?? 0), oldestAgeSeconds: Number(rows[0]?.age ?? 0) };
};
