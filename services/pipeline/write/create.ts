/** Creates rows: row, event and idempotency key in one statement. */
import { escapeIdentifier, type Pool } from 'pg';
import type { Actor } from '../../platform/auth/actor.ts';
import { TaskstreamError } from '../../platform/errors.ts';
import type { Stored } from '../../platform/http/route.ts';
import type { TraceHeaders } from '../../platform/telemetry.ts';
import type { PlacedEntity } from '../entity.ts';
import type { Column, FieldValues } from '../field.ts';

export interface CreateCommand extends TraceHeaders {
  readonly actor: Actor;
  /** A UUID. Its last eight bytes are those of the row's id, a UUIDv7; the time in that is PostgreSQL's. */
  readonly id: string;
  /** Every column that clients set, as JSON. */
  readonly columns: FieldValues;
  readonly idempotency: Idempotency | undefined;
}

export interface Idempotency {
  readonly key: string;
  /** As a version before 0.2.0 would have stored the key. */
  readonly earlierKey?: string | undefined;
  /** Whether the key shall be known for ever; of one that is known already, from now on. */
  readonly isKept?: boolean;
  /** Whether a key that is known shall answer to this request from now on, with what is there, and to no earlier one. */
  readonly isLatest?: boolean;
  /** Hash of what the client sent: the same key with another hash is refused. */
  readonly requestHash: string;
  /** Hashes by which an earlier version would know the same request. */
  readonly earlierHashes?: readonly string[];
}

export interface Created extends Stored {
  /** True when an earlier request with the same key had created it. */
  readonly replayed: boolean;
  /** Given when that was so long ago that the answer was forgotten: then there is no `json`. */
  readonly isForgotten?: true;
}

/**
 * The first eight bytes of a UUIDv7: milliseconds, the version, and 12 bits of the next millisecond's fraction.
 * Source: RFC 9562, sections 5.7 and 6.2, method 3.
 */
const TIME_OF_ID = 'int8send(((clock.us / 1000) << 16) | (7 << 12) | ((clock.us % 1000) * 4096 / 1000))';

/**
 * One JSON parameter, read with named columns: the statement depends on no other column of the table, so it works on
 * before and after a migration that adds one.
 *
 * Lists and pages of search are in the order of ids, and show `created_at`: one clock makes both. Those of the replicas
 * differ.
 *
 * `earlier` holds the answers already given under the keys of this statement; what they answer is not created again. When
 * another transaction commits the same key at the same time, `keyed` violates the key's uniqueness, the
 * whole statement does nothing, and is run again: then it finds the answer. Keys are inserted in order, so that two
 * statements cannot wait for each other. No two commands of a statement have the same key (the gatherer sees to it).
 *
 * `kept` marks keys that are known and not kept yet, under whichever spelling they were found, and those that shall answer to
 * this request from now on, which lose their first answer. One that is being purged just then is waited for, and inserted again
 * when it is gone: what was answered by a key that is to be kept must not be forgotten.
 */
const statement = ({ table, rowToJson, types }: PlacedEntity, columns: readonly Column[]): string => {
  const names = columns.map(({ name }) => escapeIdentifier(name));
  return `
WITH clock AS MATERIALIZED (
  SELECT date_trunc('milliseconds', t) AS now, (extract(epoch FROM t) * 1000000)::bigint AS us
  FROM clock_timestamp() AS t
), input AS MATERIALIZED (
  SELECT i.*, clock.now AS row_time, encode(overlay(uuid_send(i.id) PLACING ${TIME_OF_ID} FROM 1), 'hex')::uuid AS row_id
  FROM clock, json_to_recordset($1)
    AS i(id uuid, traceparent text, tracestate text, key text, earlier_key text, request_hash text, _keep boolean, _latest boolean, ${columns.map(({ name, type }) => `${escapeIdentifier(name)} ${type}`).join(', ')})
), earlier AS MATERIALIZED (
  SELECT input.id, k.key, k.task_id, k.is_other, input._keep AND NOT k.kept OR k.is_other AS is_to_write,
         CASE WHEN k.is_other THEN input.request_hash ELSE k.request_hash END AS request_hash,
         CASE WHEN k.is_other THEN json_build_object('id', k.task_id, 'version', 1)::text ELSE k.task END AS task,
         CASE WHEN k.is_other THEN 'infinity' ELSE k.created_at END AS created_at
  FROM input, LATERAL (
    SELECT *, input._latest AND stored.request_hash <> input.request_hash AS is_other FROM idempotency_keys AS stored WHERE stored.key = ANY(ARRAY[input.key, input.earlier_key])
    ORDER BY stored.key = input.key DESC LIMIT 1
  ) AS k
), created AS (
  INSERT INTO ${escapeIdentifier(table)} AS t (id, ${names.join(', ')}, version, created_at, updated_at)
  SELECT row_id, ${names.map((name) => `input.${name}`).join(', ')}, 1, row_time, row_time
  FROM input
  WHERE NOT EXISTS (SELECT FROM earlier WHERE earlier.id = input.id)
  RETURNING t.id, ${rowToJson}(t) AS json
), keyed AS (
  INSERT INTO idempotency_keys (key, request_hash, task_id, task, kept)
  SELECT input.key, input.request_hash, created.id, created.json, input._keep FROM input JOIN created ON created.id = row_id
  WHERE input.key IS NOT NULL ORDER BY input.key
), kept AS (
  INSERT INTO idempotency_keys AS stored (key, request_hash, task_id, task, created_at, kept)
  SELECT DISTINCT ON (key) key, request_hash, task_id, task, created_at, true FROM earlier WHERE is_to_write
  ORDER BY key, is_other DESC
  ON CONFLICT (key) DO UPDATE
  SET kept = true,
      (request_hash, task, created_at) = (
        SELECT c.request_hash, c.task, c.created_at FROM (
          SELECT EXCLUDED.request_hash, EXCLUDED.task, EXCLUDED.created_at WHERE EXCLUDED.created_at = 'infinity'
          UNION ALL
          SELECT stored.request_hash, stored.task, stored.created_at WHERE EXCLUDED.created_at < 'infinity'
        ) AS c
      )
), published AS (
  INSERT INTO outbox (topic, type, task_id, version, task, traceparent, tracestate)
  SELECT $2, '${types.created}', created.id, 1, created.json, input.traceparent, input.tracestate
  FROM input JOIN created ON created.id = row_id
)
SELECT input.id::text, created.id::text AS created_id, created.json, NULL AS request_hash
FROM input JOIN created ON created.id = row_id
UNION ALL
SELECT id::text, task_id::text, CASE WHEN created_at < 'infinity' THEN task END, request_hash FROM earlier`;
};

interface Row {
  /** The command's id. */
  readonly id: string;
  readonly created_id: string;
  /** Null where the answer was forgotten. */
  readonly json: string | null;
  /** Of the earlier request with the same key; null for a row that was created now. */
  readonly request_hash: string | null;
}

/** Each attempt that meets a key which was committed meanwhile finds it the next time; there are no more than this. */
const MAX_ATTEMPTS = 5;

/** For each command what it created, or what an earlier command with its key had created. */
export const createRows = (
  pool: Pool,
  entity: PlacedEntity,
  columns: readonly Column[],
): ((commands: readonly CreateCommand[]) => Promise<(Created | TaskstreamError)[]>) => {
  const text = statement(entity, columns);
  const run = async (values: readonly string[]): Promise<readonly Row[]> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const { rows } = await pool.query<Row>({ name: `${entity.table}-create`, text, values: [...values] });
        return rows;
      } catch (error) {
        if (attempt === MAX_ATTEMPTS || !isKeyTaken(error)) throw error;
      }
    }
  };
  return async (commands) => {
    const input = commands.map(({ id, actor, columns: values, traceparent, tracestate, idempotency }) => ({
      ...values,
      id,
      traceparent,
      tracestate,
      key: scopedKey(entity, actor, idempotency?.key),
      earlier_key: scopedKey(entity, actor, idempotency?.earlierKey),
      request_hash: idempotency?.requestHash ?? null,
      _keep: idempotency?.isKept ?? false,
      _latest: idempotency?.isLatest ?? false,
    }));
    const rows = await run([JSON.stringify(input), entity.topic]);
    const found = new Map(rows.map((row) => [row.id, row]));
    return commands.map(({ id, idempotency }) => answer(found.get(id), idempotency));
  };
};

const answer = (row: Row | undefined, idempotency: Idempotency | undefined): Created | TaskstreamError => {
  if (row === undefined) return new TaskstreamError('internal', 'the statement returned nothing for a command');
  const { created_id: id, json, request_hash: earlier } = row;
  const accepted = [idempotency?.requestHash, ...(idempotency?.earlierHashes ?? [])];
  if (earlier !== null && !accepted.includes(earlier)) {
    return keyReused(id, 'This Idempotency-Key was used with another body: give each creation a key of its own.');
  }
  const created = { id, version: 1, json: json ?? '', replayed: earlier !== null };
  return json === null ? { ...created, isForgotten: true } : created;
};

/** @param id of what the key has created */
export const keyReused = (id: string, message: string): TaskstreamError =>
  new TaskstreamError('idempotency_key_reused', message, { extensions: { earlierId: id } });

/** 23505 is unique_violation. Source: PostgreSQL documentation, appendix A. */
const isKeyTaken = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  error.code === '23505' &&
  'constraint' in error &&
  error.constraint === 'idempotency_keys_pkey';

/**
 * The key as it is stored: each owner's keys are its own, and those of an entity. Neither a key nor an owner has a control
 * character, so that none of one reads as that of another. It is all in one text, as the version before says
 * `ON CONFLICT (key)`.
 */
export const scopedKey = (
  { keyScope }: Pick<PlacedEntity, 'keyScope'>,
  { owner, isAdmin }: Actor,
  key: string | undefined,
): string | null => {
  if (key === undefined) return null;
  // What an administrator has made is not always its own: without that scope it may not learn of it.
  if (owner !== undefined) return [keyScope, owner, ...(isAdmin ? ['admin'] : []), key].join('\n');
  return keyScope === '' ? key : `${keyScope}\n${key}`;
};
