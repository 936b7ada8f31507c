/**
 * Repairs that the index cannot be given directly, as it takes rising versions only: the row's version, or that of a
 * deletion, is raised above the index's, and goes the way of every change. So the topic has it too, and a replay of
 * the topic cannot undo it.
 */
import { escapeIdentifier, escapeLiteral, type Pool } from 'pg';
import type { PlacedEntity } from '../entity.ts';

/** An id, and the version that the index has of it. */
export interface Exceeded {
  readonly id: string;
  readonly above: number;
}

/**
 * Gives the rows a version above the index's, and publishes them.
 * Rows are locked in order of id, as by every writer. A row that was raised meanwhile, by a client or by another
 * repair, is left alone.
 */
export const raiseRows = (pool: Pool, entity: PlacedEntity, ids: readonly Exceeded[]): Promise<void> => {
  const { table, rowToJson, types } = entity;
  return run(
    pool,
    `WITH input AS (
       SELECT * FROM unnest($1::uuid[], $2::bigint[]) AS i(id, above)
     ), locked AS MATERIALIZED (
       SELECT t.id FROM ${escapeIdentifier(table)} AS t JOIN input USING (id) ORDER BY t.id FOR UPDATE OF t
     ), changed AS (
       UPDATE ${escapeIdentifier(table)} AS t SET version = input.above + 1
       FROM input JOIN locked USING (id)
       WHERE t.id = input.id AND t.version <= input.above
       RETURNING t.id, t.version, ${rowToJson}(t) AS json
     )
     INSERT INTO outbox (topic, type, task_id, version, task)
     SELECT $3, '${types.updated}', id, version, json FROM changed`,
    entity,
    ids,
  );
};

/** Records and publishes the deletion of ids that have no row. A deleted event needs no more than id and version. */
export const publishDeletions = (pool: Pool, entity: PlacedEntity, ids: readonly Exceeded[]): Promise<void> => {
  const { table, types } = entity;
  return run(
    pool,
    `WITH gone AS (
       SELECT i.id, i.above + 1 AS version FROM unnest($1::uuid[], $2::bigint[]) AS i(id, above)
       WHERE NOT EXISTS (SELECT FROM ${escapeIdentifier(table)} AS t WHERE t.id = i.id)
     ), recorded AS (
       INSERT INTO deletions (source, id, version, deleted_at)
       SELECT ${escapeLiteral(table)}, id, version, date_trunc('milliseconds', clock_timestamp()) FROM gone ORDER BY id
       ON CONFLICT (source, id) DO UPDATE
         SET version = greatest(deletions.version, excluded.version), deleted_at = excluded.deleted_at
     )
     INSERT INTO outbox (topic, type, task_id, version, task)
     SELECT $3, '${types.deleted}', id, version, json_build_object('id', id, 'version', version) FROM gone ORDER BY id`,
    entity,
    ids,
  );
};

const run = async (pool: Pool, text: string, { topic }: PlacedEntity, ids: readonly Exceeded[]): Promise<void> => {
  if (ids.length === 0) return;
  await pool.query(text, [ids.map(({ id }) => id), ids.map(({ above }) => above), topic]);
};
