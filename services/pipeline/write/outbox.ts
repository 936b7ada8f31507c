/** How much waits in the outbox. */
import type { Pool } from 'pg';

export interface OutboxState {
  /** Changes that the broker has not confirmed. */
  readonly depth: number;
  /** Age of the oldest of them; 0 when there is none. */
  readonly oldestAgeSeconds: number;
  /** Changes that Kafka refused for good, and that were set aside. */
  readonly refused: number;
}

export const readOutbox = async (pool: Pool): Promise<OutboxState> => {
  const { rows } = await pool.query<{ depth: string; age: string; refused: string }>(
    `SELECT count(*) AS depth,
            coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0) AS age,
            (SELECT count(*) FROM outbox_refused) AS refused
     FROM outbox`,
  );
  const [row] = rows;
  return {
    depth: Number(row?.depth ?? 0),
    oldestAgeSeconds: Number(row?.age ?? 0),
    refused: Number(row?.refused ?? 0),
  };
};
