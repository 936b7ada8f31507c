/** What must follow a replayed event because its row changed meanwhile. */
import { escapeIdentifier, type Client } from 'pg';
import type { PlacedEntity } from '../entity.ts';
import type { Change } from './assess.ts';

/**
 * Publishes the newest state of each row that is past a replayed event, or the deletion of one that is gone. The replayed
 * event may stand behind the newer one in the topic, and compaction keeps the last; now the newest is last again. A change
 * that comes after this has an outbox row of a higher number: this takes the locks of the rows, for as long as it writes.
 *
 * Once a deletion's record is purged its version is not known. One above the event's own is enough: to the index it is an
 * old one.
 */
export const publishWhatOvertook = async (
  client: Client,
  { table, rowToJson, types, topic }: PlacedEntity,
  replayed: readonly Change[],
): Promise<void> => {
  if (replayed.length === 0) return;
  await client.query(
    `WITH replayed AS MATERIALIZED (
       SELECT id, max(version) AS version FROM json_to_recordset($1) AS r(id uuid, version bigint) GROUP BY id
     ), present AS MATERIALIZED (
       SELECT t.id, t.version, ${rowToJson}(t) AS json
       FROM ${escapeIdentifier(table)} AS t WHERE t.id = ANY(ARRAY(SELECT id FROM replayed)) ORDER BY t.id FOR SHARE
     ), gone AS MATERIALIZED (
       SELECT r.id, greatest(r.version + 1, d.version) AS version
       FROM replayed AS r LEFT JOIN deletions AS d ON d.source = $5 AND d.id = r.id
     )
     INSERT INTO outbox (topic, type, task_id, version, task)
     SELECT $2, CASE WHEN present.id IS NULL THEN $4 ELSE $3 END, replayed.id,
            coalesce(present.version, gone.version),
            coalesce(present.json, json_build_object('id', replayed.id, 'version', gone.version)::text)
     FROM replayed JOIN gone USING (id) LEFT JOIN present USING (id)
     WHERE present.id IS NULL OR present.version > replayed.version`,
    [JSON.stringify(replayed), topic, types.updated, types.deleted, table],
  );
};
