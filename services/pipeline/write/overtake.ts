/** What must follow an event that was published late, as its row may have changed meanwhile. */
import { escapeIdentifier, type Client } from 'pg';
import type { PlacedEntity } from '../entity.ts';

/** What a late event says. */
export interface Change {
  readonly id: string;
  readonly version: number;
}

/**
 * Publishes the newest state of each row that is past a late event, or the deletion of one that is gone. The late
 * event may stand behind the newer one in the topic, and compaction keeps the last; now the newest is last again. A change
 * that comes after this has an outbox row of a higher number: this takes the locks of the rows that are past it, for as long as it
 * writes. One that is not past it needs none: whatever comes has its own row.
 * @returns ids of rows that somebody else has locked: their newest state is to come
 *
 * Once a deletion's record is purged its version is not known. One above the event's own is enough: to the index it is an
 * old one.
 */
export const publishWhatOvertook = async (
  client: Client,
  { table, rowToJson, types, topic }: PlacedEntity,
  late: readonly Change[],
): Promise<ReadonlySet<string>> => {
  if (late.length === 0) return new Set();
  const { rows } = await client.query<{ id: string }>(
    `WITH late AS MATERIALIZED (
       SELECT id, max(version) AS version FROM json_to_recordset($1) AS l(id uuid, version bigint) GROUP BY id
     ), past AS MATERIALIZED (
       SELECT t.id FROM ${escapeIdentifier(table)} AS t JOIN late USING (id) WHERE t.version > late.version
     ), newer AS MATERIALIZED (
       SELECT t.id, t.version, ${rowToJson}(t) AS json
       FROM ${escapeIdentifier(table)} AS t JOIN late USING (id) WHERE t.version > late.version
       ORDER BY t.id FOR SHARE OF t SKIP LOCKED
     ), gone AS MATERIALIZED (
       SELECT l.id, greatest(l.version + 1, d.version) AS version
       FROM late AS l LEFT JOIN deletions AS d ON d.source = $5 AND d.id = l.id
       WHERE NOT EXISTS (SELECT FROM ${escapeIdentifier(table)} AS t WHERE t.id = l.id)
     ), published AS (
       INSERT INTO outbox (topic, type, task_id, version, task)
       SELECT $2, $3, id, version, json FROM newer
       UNION ALL
       SELECT $2, $4, id, version, json_build_object('id', id, 'version', version)::text FROM gone
     )
     SELECT id::text FROM past WHERE NOT EXISTS (SELECT FROM newer WHERE newer.id = past.id)`,
    [JSON.stringify(late), topic, types.updated, types.deleted, table],
  );
  return new Set(rows.map(({ id }) => id));
};
