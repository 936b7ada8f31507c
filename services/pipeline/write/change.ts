/** Updates and deletes rows: row and event in one statement, under the row's lock. */
import { escapeIdentifier, escapeLiteral, type Pool } from 'pg';
import { boundOf, type Actor } from '../../platform/auth/actor.ts';
import { TaskstreamError } from '../../platform/errors.ts';
import type { ExpectedVersions } from '../../platform/http/etag.ts';
import type { Stored } from '../../platform/http/route.ts';
import type { TraceHeaders } from '../../platform/telemetry.ts';
import type { PlacedEntity } from '../entity.ts';
import { describeDetails } from '../../platform/validation.ts';
import { boundIn, OWNER } from '../owner.ts';
import { checksOf, columnsOf, type Check, type Fields, type FieldValues } from '../field.ts';

export interface DeleteCommand extends TraceHeaders {
  readonly id: string;
  readonly actor: Actor;
  readonly expected: ExpectedVersions;
}

export interface UpdateCommand extends DeleteCommand {
  /** The columns that change, as JSON; others stay as they are. */
  readonly columns: FieldValues;
}

type Changed = Stored | TaskstreamError;

/** A row that somebody holds locked. */
export const LEFT_OUT = Symbol('left out');

export interface ChangeRows<C> {
  /** Waits for nobody who holds a row locked. */
  readonly free: (commands: readonly C[]) => Promise<(Changed | typeof LEFT_OUT)[]>;
  /** Waits for them. */
  readonly any: (commands: readonly C[]) => Promise<Changed[]>;
}

/**
 * `locked` takes the row locks in order of id, so that two statements cannot wait for each other. It returns the newest version of each row, not the one of this statement's snapshot, and so do
 * UPDATE and DELETE below: where the row changed since the snapshot, READ COMMITTED lets them look again at the newest
 * one (PostgreSQL documentation, 13.2.1). As the lock is held until commit, outbox rows of one id get their numbers
 * in the order of its versions. `accepted` compares with the locked version, and merges with the locked columns: UPDATE checks the
 * constraints of what it would write over the snapshot's version before it finds the newest one. The array leaves the planner no join, which
 * it would make with the whole table where it believes that to be empty.
 *
 * Each command joins its own row only where its actor reaches that: commands of a statement have different owners, so that no
 * setting of the session, as row-level security would need one, can bound them. What nobody of them reaches is not locked, as a lock is
 * a write, and would wait for a standby. The owner is judged again on the locked row: it may have changed since the snapshot.
 */
const locked = (
  { table, isOwned }: PlacedEntity,
  how: '' | ' SKIP LOCKED',
  columns: readonly string[] = [],
): string => {
  const all = new Set(['id', 'version', ...(isOwned === true ? [escapeIdentifier(OWNER)] : []), ...columns]);
  const rowsOf = (ids: string) => `
  SELECT ${[...all].map((column) => `t.${column}`).join(', ')}
  FROM ${escapeIdentifier(table)} AS t WHERE t.id = ANY(ARRAY(SELECT id FROM ${ids})) ORDER BY t.id FOR UPDATE${how}
`;
  if (isOwned !== true) return `locked AS MATERIALIZED (${rowsOf('input')})`;
  return `there AS MATERIALIZED (
  SELECT t.id, t.${OWNER} FROM ${escapeIdentifier(table)} AS t
  WHERE t.id = ANY(ARRAY(SELECT id FROM input WHERE _bound IS NOT NULL))
), reached AS MATERIALIZED (
  SELECT id FROM input WHERE _bound IS NULL
  UNION ALL SELECT input.id FROM input JOIN there USING (id) WHERE there.${OWNER} = input._bound
), held AS MATERIALIZED (${rowsOf('reached')}), locked AS MATERIALIZED (
  SELECT held.* FROM held JOIN input USING (id) WHERE input._bound IS NULL OR held.${OWNER} = input._bound
)`;
};

const ACCEPTED = 'input.expected IS NULL OR locked.version <@ input.expected';

const publish = (type: string): string => `
published AS (
  INSERT INTO outbox (topic, type, task_id, version, task, traceparent, tracestate)
  SELECT $2, '${type}', id, version, json, traceparent, tracestate FROM changed
)
SELECT locked.id::text, locked.version AS seen, changed.version, changed.json, accepted._fault AS fault
FROM locked LEFT JOIN changed USING (id) LEFT JOIN accepted USING (id)`;

/** A clock that was set back must not let a later change look older. */
const NOW = `greatest(t.updated_at, date_trunc('milliseconds', clock_timestamp()))`;

/** For each command the row as it is now, or why it was not changed. No id may stand in two commands. */
export const updateRows = (pool: Pool, entity: PlacedEntity, fields: Fields): ChangeRows<UpdateCommand> => {
  const { table, rowToJson, types } = entity;
  const [columns, checks] = [columnsOf(fields), checksOf(fields)];
  const names = columns.map(({ name }) => escapeIdentifier(name));
  const merged = columns.map(({ name }) => {
    const column = escapeIdentifier(name);
    return `CASE WHEN ${escapeLiteral(name)} = ANY(input._given) THEN input.${column} ELSE locked.${column} END AS ${column}`;
  });
  const faults = checks.map(({ sql }, index) => `WHEN (${sql(escapeIdentifier)}) IS FALSE THEN ${index}`);
  const text: StatementText = (how) => `
WITH input AS MATERIALIZED (
  SELECT * FROM json_to_recordset($1)
    AS i(id uuid, _bound text, expected int8multirange, traceparent text, tracestate text, _given text[], ${columns.map(({ name, type }) => `${escapeIdentifier(name)} ${type}`).join(', ')})
), ${locked(entity, how, names)}, accepted AS MATERIALIZED (
  SELECT m.*, ${faults.length === 0 ? 'NULL::integer' : `CASE ${faults.join(' ')} END`} AS _fault
  FROM (
    SELECT input.id, input.traceparent, input.tracestate, ${merged.join(', ')}
    FROM input JOIN locked USING (id) WHERE ${ACCEPTED}
  ) AS m
), changed AS (
  UPDATE ${escapeIdentifier(table)} AS t SET ${names.map((column) => `${column} = a.${column}`).join(', ')}, version = t.version + 1, updated_at = ${NOW}
  FROM accepted AS a
  WHERE t.id = a.id AND a._fault IS NULL
  RETURNING t.id, t.version, ${rowToJson}(t) AS json, a.traceparent, a.tracestate
), ${publish(types.updated)}`;
  const toInput = ({ columns: values, ...command }: UpdateCommand) => ({
    ...values,
    ...inputOf(command),
    _given: Object.keys(values),
  });
  return change(pool, entity, { name: `${table}-update`, text }, toInput, checks);
};

/** For each command the row as it was, under the version of its deletion, or why it was not deleted. */
export const deleteRows = (pool: Pool, entity: PlacedEntity): ChangeRows<DeleteCommand> => {
  const { table, rowToJson, types } = entity;
  const text: StatementText = (how) => `
WITH input AS MATERIALIZED (
  SELECT * FROM json_to_recordset($1) AS i(id uuid, _bound text, expected int8multirange, traceparent text, tracestate text)
), ${locked(entity, how)}, accepted AS MATERIALIZED (
  SELECT input.*, NULL::integer AS _fault FROM input JOIN locked USING (id) WHERE ${ACCEPTED}
), changed AS (
  DELETE FROM ${escapeIdentifier(table)} AS t
  USING accepted AS a
  WHERE t.id = a.id
  RETURNING t.id, t.version + 1 AS version, a.traceparent, a.tracestate,
    (${rowToJson}(t)::jsonb || jsonb_build_object('version', t.version + 1, 'updatedAt', rfc3339(${NOW})))::text AS json
), ${publish(types.deleted)}`;
  return change(pool, entity, { name: `${table}-delete`, text }, inputOf);
};

const inputOf = ({ actor, expected, ...command }: DeleteCommand) => ({
  ...command,
  _bound: boundOf(actor) ?? null,
  expected: versionRanges(expected),
});

/** Versions as the text of a multirange. */
const versionRanges = (expected: ExpectedVersions): string | null => {
  if (expected === undefined) return null;
  if ('only' in expected) return `{${expected.only.map((version) => `[${version},${version}]`).join()}}`;
  const bounds = [...expected.except].sort((a, b) => a - b);
  return `{(,${bounds.map((version) => `${version}),(${version},`).join('')})}`;
};

export const notFound = (name: string, id: string): TaskstreamError =>
  new TaskstreamError(`${name}_not_found`, `There is no ${name} ${id}.`);

interface ChangedRow {
  readonly id: string;
  readonly seen: string;
  readonly version: string | null;
  readonly json: string | null;
  /** Which check the row as it would be does not meet. */
  readonly fault: number | null;
}

interface Present {
  readonly id: string;
  readonly owner: string | null;
}

/** @param how what to do with rows that somebody holds locked */
type StatementText = (how: '' | ' SKIP LOCKED') => string;

const change = <C extends DeleteCommand>(
  pool: Pool,
  { name: entityName, table, topic, isOwned = false }: PlacedEntity,
  { name, text }: { readonly name: string; readonly text: StatementText },
  toInput: (command: C) => object,
  checks: readonly Check[] = [],
): ChangeRows<C> => {
  const run = async <M>(
    statement: { readonly name: string; readonly text: string },
    commands: readonly C[],
    missing: (id: string) => M,
  ): Promise<(Changed | M)[]> => {
    const values = [JSON.stringify(commands.map(toInput)), topic];
    const { rows } = await pool.query<ChangedRow>({ ...statement, values });
    const found = new Map(rows.map((row) => [row.id, row]));
    return commands.map(({ id }) => {
      const row = found.get(id);
      if (row === undefined) return missing(id);
      if (row.version !== null && row.json !== null) return { id, version: Number(row.version), json: row.json };
      const details = checks.flatMap(({ fault }, index) => (index === row.fault ? [fault] : []));
      if (details.length > 0)
        return new TaskstreamError('validation_failed', `${describeDetails(details)}.`, { details });
      const currentVersion = Number(row.seen);
      return new TaskstreamError(
        'precondition_failed',
        `The ${entityName} is at version ${currentVersion}; read it again and decide whether your change still holds.`,
        { extensions: { currentVersion } },
      );
    });
  };
  const [free, any] = [
    { name: `${name}-free`, text: text(' SKIP LOCKED') },
    { name, text: text('') },
  ];
  /** By id the owners of those rows that are there. */
  const present = async (ids: readonly string[]): Promise<ReadonlyMap<string, string | null>> => {
    const owner = isOwned ? OWNER : `NULL AS ${OWNER}`;
    const there = `SELECT id::text, ${owner} FROM ${escapeIdentifier(table)} WHERE id = ANY($1::uuid[])`;
    const { rows } = await pool.query<Present>({ name: `${table}-there`, text: there, values: [ids] });
    return new Map(rows.map((row) => [row.id, row.owner]));
  };
  const isReached = (command: C | undefined, there: ReadonlyMap<string, string | null>): boolean => {
    if (command === undefined || !there.has(command.id)) return false;
    const bound = boundIn({ isOwned }, command.actor);
    return bound === undefined || there.get(command.id) === bound;
  };
  return {
    free: async (commands) => {
      const changed = await run<typeof LEFT_OUT>(free, commands, () => LEFT_OUT);
      const left = commands.flatMap(({ id }, index) => (changed[index] === LEFT_OUT ? [id] : []));
      if (left.length === 0) return changed;
      const there = await present(left);
      return changed.map((result, index) => {
        const command = commands[index];
        return result === LEFT_OUT && !isReached(command, there) ? notFound(entityName, command?.id ?? '') : result;
      });
    },
    any: (commands) => run(any, commands, (id) => notFound(entityName, id)),
  };
};
