import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { v7 as uuidv7 } from 'uuid';
import { ADVANCE, openSession } from '../../services/pipeline/relay/session.ts';
import { createTaskStore } from '../../services/task/store.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createCommand, taskIn } from '../support/task.ts';

const ROWS = 500_000;
/** Rows that a statement of the store is about. */
const BATCH = 20;
const CHUNK = 2_000;

interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

let database: TestDatabase;
/** Sessions whose statements were planned while every table was empty, as PostgreSQL then keeps a generic plan. */
let sessions: readonly { readonly mode: string; readonly relay: Client; readonly store: Client }[] = [];
const ids = Array.from({ length: BATCH }, () => uuidv7());
let store: readonly Statement[];

/** The statements that the store sends, with their values. */
const statementsOfStore = async (): Promise<readonly Statement[]> => {
  const sent: Statement[] = [];
  const recording = new Proxy(database.pool, {
    get: (target, name) => {
      if (name !== 'query') return Reflect.get(target, name, target) as unknown;
      return (statement: Statement) => {
        sent.push(statement);
        return Promise.resolve({ rows: [] });
      };
    },
  });
  const tasks = createTaskStore({
    pool: recording,
    entity: taskIn(),
    onCommit: () => undefined,
    onBatch: () => undefined,
  });
  const [command] = [createCommand({ description: 'task' })];
  const change = { expected: undefined, traceparent: null, tracestate: null };
  await Promise.allSettled([
    ...ids.map((id) =>
      tasks.create({ ...command, id: uuidv7(), idempotency: { key: `key ${id}`, requestHash: 'hash' } }),
    ),
    ...ids.map((id) => tasks.update({ ...change, id, columns: command.columns })),
    ...ids.map((id) => tasks.delete({ ...change, id })),
    tasks.read(String(ids[0])),
    tasks.list(BATCH, undefined),
  ]);
  // The gatherer sends the first command alone: the last statement of each name has the others.
  return [...new Map(sent.map((statement) => [statement.name, statement])).values()];
};

const relay = (): Statement => ({
  ...ADVANCE,
  values: [numbers(1, CHUNK), 1, numbers(1, 3 * CHUNK), CHUNK, 4_194_304],
});

const numbers = (from: number, count: number): string =>
  `{${Array.from({ length: count }, (_, n) => from + n).join(',')}}`;

const open = async (): Promise<Client> => {
  const client = new Client({ connectionString: database.url });
  client.on('error', () => undefined);
  await client.connect();
  return client;
};

const quoted = (client: Client, { name, values }: Statement): string =>
  `"${name}"${values.length === 0 ? '' : `(${values.map((value) => client.escapeLiteral(String(value))).join(', ')})`}`;

beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
  store = await statementsOfStore();
  for (const table of ['outbox', 'tasks', 'idempotency_keys']) {
    await database.pool.query(`ALTER TABLE ${table} SET (autovacuum_enabled = false)`);
    await database.pool.query(`ANALYZE ${table}`);
  }
  sessions = await Promise.all(
    ['force_custom_plan', 'force_generic_plan'].map(async (mode) => {
      const [forRelay, forStore] = [
        new Client({ connectionString: database.url, application_name: 'taskstream-relay' }),
        await open(),
      ];
      await openSession(forRelay, () => undefined);
      await forRelay.query('SET idle_session_timeout = 0');
      for (const [client, statements] of [
        [forRelay, [relay()]],
        [forStore, store],
      ] as const) {
        await client.query(`SET plan_cache_mode = ${mode}`);
        for (const statement of statements) {
          await client.query(`PREPARE "${statement.name}" AS ${statement.text}`);
          await client.query('BEGIN');
          await client.query(`EXECUTE ${quoted(client, statement)}`);
          await client.query('ROLLBACK');
        }
      }
      return { mode, relay: forRelay, store: forStore };
    }),
  );
  await database.pool.query(
    `INSERT INTO outbox (type, task_id, version, task)
     SELECT 'tasks.event.created', gen_random_uuid(), 1, '{}' FROM generate_series(1, ${ROWS})`,
  );
  await database.pool.query(
    `INSERT INTO tasks (id, description, version, created_at, updated_at)
     SELECT id, 'task', 1, now(), now()
     FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, ${ROWS}) UNION ALL SELECT unnest($1::uuid[])) AS i`,
    [ids],
  );
  await database.pool.query(
    `INSERT INTO idempotency_keys (key, request_hash, task_id, task)
     SELECT 'other ' || n, 'hash', gen_random_uuid(), '{}' FROM generate_series(1, ${ROWS}) AS n`,
  );
});
afterAll(async () => {
  await Promise.all(sessions.flatMap(({ relay: first, store: second }) => [first.end(), second.end()]));
  await database.close();
});

interface Plan {
  readonly text: string;
  readonly buffers: number;
}

const explain = async (client: Client, statement: Statement): Promise<Plan> => {
  await client.query('BEGIN');
  const { rows } = await client.query<{
    'QUERY PLAN': readonly { readonly Plan: Readonly<Record<string, unknown>> }[];
  }>(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE ${quoted(client, statement)}`);
  await client.query('ROLLBACK');
  const plan = rows[0]?.['QUERY PLAN'][0]?.Plan ?? {};
  return {
    text: JSON.stringify(plan, null, 1),
    buffers: Number(plan['Shared Hit Blocks']) + Number(plan['Shared Read Blocks']),
  };
};

// With the statistics of an empty table and half a million rows in it, whichever plan PostgreSQL keeps.
describe.each(['force_custom_plan', 'force_generic_plan'])('under %s', (mode) => {
  const session = () => {
    const found = sessions.find((each) => each.mode === mode);
    if (found === undefined) throw new Error(`no session for ${mode}`);
    return found;
  };

  it('the relay reads and deletes a chunk by the primary key, and looks up in a hash table what it has read', async () => {
    const { text, buffers } = await explain(session().relay, relay());
    expect(text).not.toContain('"Seq Scan"');
    expect(text).not.toContain('"Sort"');
    expect(text).toContain('hashed SubPlan');
    // A row deleted: its way down the index and its page.
    expect(buffers).toBeLessThan(10 * CHUNK);
  });
});

it('the store touches the rows that it is asked for, when they are planned for', async () => {
  const custom = sessions.find(({ mode }) => mode === 'force_custom_plan');
  expect(custom).toBeDefined();
  for (const statement of store) {
    if (custom === undefined) continue;
    const { text, buffers } = await explain(custom.store, statement);
    expect(text, statement.name).not.toContain('"Seq Scan"');
    expect(buffers, statement.name).toBeLessThan(100 * BATCH);
  }
});
