import { Client } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { ANYBODY } from '../../services/platform/auth/actor.ts';
import { assess } from '../../services/pipeline/dead-letters/assess.ts';
import type { PlacedEntity } from '../../services/pipeline/entity.ts';
import { replayRefused } from '../../services/pipeline/relay/refused.ts';
import { setAside } from '../../services/pipeline/relay/session.ts';
import { createRowReader } from '../../services/pipeline/rows.ts';
import { publishDeletions, raiseRows } from '../../services/pipeline/verify/republish.ts';
import { field, type Fields } from '../../services/pipeline/field.ts';
import { createStore } from '../../services/pipeline/write/store.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

/** Table and columns are words that SQL reserves. */
const user: PlacedEntity = {
  name: 'user',
  table: 'user',
  rowToJson: 'user_json',
  types: { created: 'users.event.created', updated: 'users.event.updated', deleted: 'users.event.deleted' },
  effects: { 'users.event.created': 'index', 'users.event.updated': 'index', 'users.event.deleted': 'delete' },
  schemaVersion: 1,
  value: z.looseObject({}),
  mapping: {},
  keyScope: 'user',
  ...{ topic: 'users', deadLetterTopic: 'users.dlq', alias: 'users', group: 'users' },
};
const text = (name: string) =>
  field<string>({
    input: z.string(),
    shown: z.string(),
    columns: { [name]: 'text' },
    toColumns: (value) => ({ [name]: value }),
    mapping: { type: 'keyword' },
    control: { kind: 'text', label: name, maxLength: 10, placeholder: '' },
  });
const fields = {
  group: {
    ...text('group'),
    check: {
      sql: (column) => `${column('group')} <> ${column('end')}`,
      fault: { path: 'group', message: 'must not be its own end' },
    },
  },
  end: text('end'),
} satisfies Fields;

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
  await database.pool.query(`
    CREATE TABLE "user" (
      id uuid PRIMARY KEY, "group" text NOT NULL, "end" text, version bigint NOT NULL,
      created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL
    );
    CREATE FUNCTION user_json(u "user") RETURNS text LANGUAGE sql IMMUTABLE
      RETURN json_build_object('id', (u).id, 'group', (u)."group", 'end', (u)."end", 'version', (u).version)::text;`);
});
afterAll(() => database.close());

it('table and columns of an entity may be words that SQL reserves, in every statement of the pipeline', async () => {
  const { pool } = database;
  const store = createStore({
    ...{ pool, entity: user, fields },
    ...{ onCommit: () => undefined, onBatch: () => undefined },
  });
  const trace = { actor: ANYBODY, traceparent: null, tracestate: null };
  const { id } = await store.create({
    ...{ ...trace, id: uuidv7(), idempotency: undefined },
    columns: { group: 'staff', end: 'never' },
  });
  await store.update({ ...trace, id, columns: { group: 'guests' }, expected: undefined });
  const shown = { id, group: 'guests', end: 'never', version: 2 };
  expect(JSON.parse((await store.read(id, ANYBODY)).json)).toEqual(shown);
  expect(await store.list(ANYBODY, 10, undefined)).toMatchObject([{ id, version: 2 }]);

  const reader = createRowReader(pool, user, { onRetry: () => undefined });
  expect(await reader.lastId()).toBe(id);
  expect(await reader.count()).toBe(1);
  for await (const rows of reader.pages(10)) expect(rows).toMatchObject([{ id, version: 2 }]);
  for await (const rows of reader.statePages(id)) expect(rows).toEqual([{ id, version: 2, deletedAt: null }]);
  expect(await reader.versions([id])).toEqual(new Map([[id, 2]]));
  expect(await reader.rows([id])).toMatchObject([{ id }]);

  await raiseRows(pool, user, [{ id, above: 4 }]);
  await publishDeletions(pool, user, [{ id: uuidv7(), above: 1 }]);
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    expect(await assess(client, [], user)).toEqual([]);
    const { rows } = await client.query<{ id: string }>('SELECT id FROM outbox WHERE task_id = $1 AND version = 5', [
      id,
    ]);
    await setAside(client, { id: String(rows[0]?.id), topic: user.topic, reason: 'too large' });
    expect(await replayRefused(client, [user], String(rows[0]?.id))).toBe('replayed');
  } finally {
    await client.end();
  }
  await store.delete({ ...trace, id, expected: undefined });
  const { rows } = await pool.query('SELECT type, version::int FROM outbox WHERE task_id = $1 ORDER BY version', [id]);
  expect(rows).toEqual([
    { type: 'users.event.created', version: 1 },
    { type: 'users.event.updated', version: 2 },
    { type: 'users.event.updated', version: 5 },
    { type: 'users.event.deleted', version: 6 },
  ]);
});

it('an update leaves a column that it does not name, and clears one that it names with null', async () => {
  const store = createStore({
    ...{ pool: database.pool, entity: user, fields },
    ...{ onCommit: () => undefined, onBatch: () => undefined },
  });
  const trace = { actor: ANYBODY, traceparent: null, tracestate: null, expected: undefined };
  const { id } = await store.create({
    ...{ ...trace, id: uuidv7(), idempotency: undefined },
    columns: { group: 'staff', end: 'never' },
  });
  // Together, as they are written in one statement.
  const other = await store.create({
    ...{ ...trace, id: uuidv7(), idempotency: undefined },
    columns: { group: 'staff', end: 'never' },
  });
  await Promise.all([
    store.update({ ...trace, id, columns: { group: 'guests' } }),
    store.update({ ...trace, id: other.id, columns: { group: 'guests', end: null } }),
  ]);
  expect(JSON.parse((await store.read(id, ANYBODY)).json)).toMatchObject({ end: 'never', version: 2 });
  await expect(store.update({ ...trace, id, columns: { group: 'never' } })).rejects.toMatchObject({
    code: 'validation_failed',
    details: [{ path: 'group', message: 'must not be its own end' }],
  });
  expect(JSON.parse((await store.read(other.id, ANYBODY)).json)).toMatchObject({ end: null, version: 2 });
});
