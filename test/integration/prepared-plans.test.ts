import { escapeIdentifier, type Client, type Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { v7 as uuidv7 } from 'uuid';
import { ANYBODY, type Actor } from '../../services/platform/auth/actor.ts';
import { changeState, newestChange } from '../../services/api/console/changes.ts';
import { RowsBelow } from '../../services/pipeline/relay/below.ts';
import {
  ADVANCE,
  ALL_SLOTS,
  openSession,
  readTransactionBounds,
  setAside,
  writeHeld,
} from '../../services/pipeline/relay/session.ts';
import { readEnv } from '../../services/platform/env.ts';
import { createClient, postgresEnv } from '../../services/platform/postgres.ts';
import { createRowReader } from '../../services/pipeline/rows.ts';
import { taskEntity } from '../../services/task/entity.ts';
import { createTaskStore } from '../../services/task/store.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createCommand, taskIn, insertTasks } from '../support/task.ts';
import { creationOf } from '../support/sample.ts';
import { taskOf } from '../support/events.ts';
import { columnsOf } from '../../services/pipeline/field.ts';
import { taskFields } from '../../services/task/fields.ts';

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
let sessions: readonly {
  readonly mode: string;
  readonly relay: Client;
  readonly others: Client;
}[] = [];
const ids = Array.from({ length: BATCH }, () => uuidv7());
let ofRelay: readonly Statement[];
let ofOthers: readonly Statement[];

/** Of whom nothing is in the table. */
const ONE: Actor = { owner: 'ada', isAdmin: false };

/** The prepared statements that `work` sends, with their values. */
const statementsOf = async <C extends Client | Pool>(
  target: C,
  work: (recording: C) => Promise<unknown>,
): Promise<readonly Statement[]> => {
  const sent: Statement[] = [];
  const recording = new Proxy(target, {
    get: (real, name) => {
      if (name !== 'query') return Reflect.get(real, name, real) as unknown;
      return (statement: string | (Omit<Statement, 'values'> & Partial<Statement>)) => {
        if (typeof statement !== 'string') sent.push({ values: [], ...statement });
        return Promise.resolve({ rows: [] });
      };
    },
  });
  await work(recording);
  // The gatherer sends the first command alone: the last statement of each name has the others.
  return [...new Map(sent.map((statement) => [statement.name, statement])).values()];
};

const workOfOthers = async (pool: Pool): Promise<void> => {
  const tasks = createTaskStore({ pool, entity: taskIn(), onCommit: () => undefined, onBatch: () => undefined });
  const [command] = [createCommand(creationOf('task'))];
  const change = { actor: ANYBODY, expected: undefined, traceparent: null, tracestate: null };
  const rows = createRowReader(pool, taskEntity, { onRetry: () => undefined });
  await Promise.allSettled([
    ...ids.map((id) =>
      tasks.create({ ...command, id: uuidv7(), idempotency: { key: `key ${id}`, requestHash: 'hash' } }),
    ),
    ...ids.map((id) => tasks.update({ ...change, id, columns: command.columns })),
    ...ids.map((id) => tasks.delete({ ...change, actor: ONE, id })),
    ...[ANYBODY, ONE].flatMap((actor) => [tasks.read(String(ids[0]), actor), tasks.list(actor, BATCH, undefined)]),
    rows.lastId(),
    rows.pages(BATCH).next(),
    rows.versions(ids),
    rows.rows(ids),
    rows.states(ids),
    // Up to an id below which there are some hundred: a page has up to 5,000.
    rows.statePages('00100000-0000-0000-0000-000000000000').next(),
    rows.deletionPages(BATCH).next(),
    newestChange(pool),
    changeState(pool, { id: String(ids[0]), version: 1, deleted: false }),
  ]);
};

const workOfRelay = async (client: Client): Promise<void> => {
  await Promise.allSettled([
    readTransactionBounds(client, false),
    readTransactionBounds(client, true),
    new RowsBelow(client).next(1, CHUNK),
    setAside(client, { id: '7', topic: 'tasks', reason: 'too large' }),
    writeHeld(client, [], ALL_SLOTS),
  ]);
};

const relay = (): Statement => ({
  ...ADVANCE,
  // Of two lanes: what the other one's slots hold is passed over.
  values: [numbers(1, CHUNK), 1, numbers(1, 3 * CHUNK), CHUNK, 4_194_304, 0x5555_5555_5555_5555n, 2 ** 40],
});

const numbers = (from: number, count: number): string =>
  `{${Array.from({ length: count }, (_, n) => from + n).join(',')}}`;

const quoted = (client: Client, { name, values }: Statement): string => {
  const literals = values.map((value) =>
    client.escapeLiteral(Array.isArray(value) ? `{${value.join()}}` : String(value)),
  );
  return `"${name}"${literals.length === 0 ? '' : `(${literals.join(', ')})`}`;
};

beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
  const config = readEnv(postgresEnv, { DATABASE_URL: database.url, DATABASE_STATEMENT_TIMEOUT_MS: '60000' });
  ofRelay = [relay(), ...(await statementsOf(createClient(config, 'test'), workOfRelay))];
  ofOthers = await statementsOf(database.pool, workOfOthers);
  for (const table of ['outbox', 'outbox_refused', 'outbox_held', 'tasks', 'idempotency_keys']) {
    await database.pool.query(`ALTER TABLE ${table} SET (autovacuum_enabled = false)`);
    await database.pool.query(`ANALYZE ${table}`);
  }
  sessions = await Promise.all(
    ['force_custom_plan', 'force_generic_plan'].map(async (mode) => {
      const [forRelay, forOthers] = [createClient(config, 'taskstream-relay'), createClient(config, 'taskstream-api')];
      await openSession(forRelay, () => undefined);
      await forOthers.connect();
      await forRelay.query('SET idle_session_timeout = 0');
      for (const [client, statements] of [
        [forRelay, ofRelay],
        [forOthers, ofOthers],
      ] as const) {
        await client.query(`SET plan_cache_mode = ${mode}`);
        for (const statement of statements) {
          await client.query(`PREPARE "${statement.name}" AS ${statement.text}`);
          await client.query('BEGIN');
          await client.query(`EXECUTE ${quoted(client, statement)}`);
          await client.query('ROLLBACK');
        }
      }
      return { mode, relay: forRelay, others: forOthers };
    }),
  );
  await database.pool.query(
    `INSERT INTO outbox (type, task_id, version, task)
     SELECT 'tasks.event.created', gen_random_uuid(), 1, '{}' FROM generate_series(1, ${ROWS})`,
  );
  await insertTasks(
    database.pool,
    ids.map((id) => taskOf({ id })),
  );
  const columns = columnsOf(taskFields).map(({ name }) => escapeIdentifier(name));
  const others = [...columns, 'version', 'created_at', 'updated_at'].join(', ');
  await database.pool.query(
    `INSERT INTO tasks (id, ${others})
     SELECT gen_random_uuid(), ${others} FROM tasks, generate_series(1, ${ROWS / BATCH})`,
  );
  await database.pool.query(
    `INSERT INTO idempotency_keys (key, request_hash, task_id, task)
     SELECT 'other ' || n, 'hash', gen_random_uuid(), '{}' FROM generate_series(1, ${ROWS}) AS n`,
  );
});
afterAll(async () => {
  await Promise.all(sessions.flatMap(({ relay: first, others }) => [first.end(), others.end()]));
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

  it('every other statement touches the rows that it is asked for', async () => {
    const { relay: forRelay, others } = session();
    for (const [client, statements] of [
      [forRelay, ofRelay.slice(1)],
      [others, ofOthers],
    ] as const) {
      expect(statements.length).toBeGreaterThan(2);
      for (const statement of statements) {
        const { text, buffers } = await explain(client, statement);
        // It deletes every row of a table that has twenty at most.
        if (statement.name !== 'relay-held') expect(text, statement.name).not.toContain('"Seq Scan"');
        expect(buffers, statement.name).toBeLessThan(100 * BATCH);
      }
    }
  });
});

it('a look for rows below the mark passes no more dead rows than it has time for, and the next ones come to the row behind them', async () => {
  const client = createClient(readEnv(postgresEnv, { DATABASE_URL: database.url }), 'taskstream-relay');
  await client.connect();
  const holder = await database.pool.connect();
  try {
    await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    const { rows } = await holder.query<{ last: number }>('SELECT max(id)::float8 AS last FROM outbox');
    const last = rows[0]?.last ?? 0;
    await database.pool.query('DELETE FROM outbox WHERE id < $1', [last]);
    const below = new RowsBelow(client, 20);
    let looks = 0;
    // As the relay does, which reads a part from there.
    for (let at = 0, next = 0; next < last && at < last; at = next + 10_000) {
      next = await below.next(at, last);
      expect(next).toBeLessThanOrEqual(last);
      looks += 1;
    }
    expect(looks).toBeGreaterThan(3);
  } finally {
    holder.release(true);
    await client.end();
  }
});
