/** Changes that Kafka refused for good: what they are, and their way back into the outbox. */
import { escapeIdentifier, type Client } from 'pg';
import type { PlacedEntity } from '../entity.ts';
import { routesOf } from './records.ts';

export interface RefusedChange {
  /** The number that its row had in the outbox. */
  readonly id: string;
  readonly topic: string;
  readonly type: string;
  /** Id of what was changed. */
  readonly subject: string;
  readonly version: string;
  readonly bytes: number;
  readonly reason: string;
  /** RFC 3339. */
  readonly refusedAt: string;
}

/** Up to `limit`, oldest first. */
export const listRefused = async (client: Client, limit: number): Promise<readonly RefusedChange[]> => {
  const { rows } = await client.query<RefusedChange>(
    `SELECT id::text, topic, type, task_id::text AS subject, version::text, octet_length(task) AS bytes, reason,
            rfc3339(refused_at) AS "refusedAt"
     FROM outbox_refused ORDER BY id LIMIT $1`,
    [limit],
  );
  return rows;
};

/** `superseded`: a newer change carries the whole state, and this one sent after it would be the newest of its key. */
export type ReplayOutcome = 'replayed' | 'superseded' | 'unknown type';

/**
 * Puts a change back into the outbox when it is still the newest of its id, under that row's lock; the relay tries it again.
 * @returns nothing when there is no such change
 */
export const replayRefused = async (
  client: Client,
  entities: readonly PlacedEntity[],
  id: string,
): Promise<ReplayOutcome | undefined> => {
  await client.query('BEGIN');
  try {
    const outcome = await replayLocked(client, entities, id);
    await client.query('COMMIT');
    return outcome;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
};

const replayLocked = async (
  client: Client,
  entities: readonly PlacedEntity[],
  id: string,
): Promise<ReplayOutcome | undefined> => {
  const { rows } = await client.query<{ type: string; task_id: string; version: string }>(
    'SELECT type, task_id::text, version::text FROM outbox_refused WHERE id = $1 FOR UPDATE',
    [id],
  );
  const [change] = rows;
  if (change === undefined) return undefined;
  const route = routesOf(entities).get(change.type);
  const entity = entities.find(({ name }) => name === route?.entity);
  if (route === undefined || entity === undefined) return 'unknown type';
  const current = await client.query<{ version: string }>(
    `SELECT version::text FROM ${escapeIdentifier(entity.table)} WHERE id = $1 FOR UPDATE`,
    [change.task_id],
  );
  const isNewest = route.effect === 'delete' ? current.rows.length === 0 : current.rows[0]?.version === change.version;
  if (isNewest) {
    await client.query(
      `INSERT INTO outbox (topic, type, task_id, version, task, traceparent, tracestate, created_at)
       SELECT topic, type, task_id, version, task, traceparent, tracestate, created_at FROM outbox_refused WHERE id = $1`,
      [id],
    );
  }
  await client.query('DELETE FROM outbox_refused WHERE id = $1', [id]);
  return isNewest ? 'replayed' : 'superseded';
};
