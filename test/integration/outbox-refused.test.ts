import { Client } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { listRefused, replayRefused } from '../../services/pipeline/relay/refused.ts';
import { setAside } from '../../services/pipeline/relay/session.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { runOps } from '../support/ops.ts';
import { createCommand, createTasks, taskIn } from '../support/task.ts';
import { creationOf } from '../support/sample.ts';

let database: TestDatabase;
let client: Client;
beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
  client = new Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await database.close();
});

const refuse = async (row: number, type: string, id: string, version: number): Promise<void> => {
  await client.query(
    `INSERT INTO outbox_refused (id, topic, type, task_id, version, task, created_at, reason)
     VALUES ($1, 'tasks', $2, $3, $4, '{}', now(), 'too large')`,
    [row, `tasks.event.${type}`, id, version],
  );
};

it('puts a refused change back while it is the newest of its id, and drops one that is superseded', async () => {
  const [task] = await createTasks(database.pool, taskIn(), [createCommand(creationOf('task'))]);
  if (task === undefined || task instanceof Error) throw new Error('nothing was created');
  await client.query('UPDATE tasks SET version = 2 WHERE id = $1', [task.id]);
  await client.query('DELETE FROM outbox');
  const gone = uuidv7();
  await refuse(1, 'created', task.id, 1);
  await refuse(2, 'updated', task.id, 2);
  await refuse(3, 'updated', gone, 3);
  await refuse(4, 'deleted', gone, 4);
  await refuse(5, 'exploded', gone, 5);
  expect((await listRefused(client, 10)).map(({ id, reason }) => [id, reason])).toEqual(
    [1, 2, 3, 4, 5].map((id) => [String(id), 'too large']),
  );
  const outcomes = [];
  for (const id of ['1', '2', '3', '4', '5', '6']) outcomes.push(await replayRefused(client, [taskIn()], id));
  expect(outcomes).toEqual(['superseded', 'replayed', 'superseded', 'replayed', 'unknown type', undefined]);
  const { rows } = await client.query<{ version: string }>('SELECT version FROM outbox ORDER BY id');
  expect(rows.map(({ version }) => version)).toEqual(['2', '4']);
  const shown = await runOps(['outbox', '--interval', '0.1'], { DATABASE_URL: database.url });
  expect(shown.stdout).toContain('1 set aside');
  const replayed = await runOps(['outbox', 'replay', '5'], { DATABASE_URL: database.url });
  expect(replayed).toMatchObject({ code: 1, stdout: '5: unknown type\n' });
});

it('keeps the trace of the request that made a change, from the outbox and back', async () => {
  const trace = {
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    tracestate: 'congo=t61rcWkgMzE',
  };
  const task = createCommand(creationOf('traced'));
  const [created] = await createTasks(database.pool, taskIn(), [{ ...task, ...trace }]);
  if (created === undefined || created instanceof Error) throw new Error('nothing was created');
  const read = async () =>
    (
      await client.query<{ id: string }>('SELECT id, traceparent, tracestate FROM outbox WHERE task_id = $1', [
        created.id,
      ])
    ).rows;
  const [row] = await read();
  expect(row).toMatchObject(trace);
  await setAside(client, { id: String(row?.id), topic: 'tasks', reason: 'too large' });
  expect(await read()).toEqual([]);
  expect(await replayRefused(client, [taskIn()], String(row?.id))).toBe('replayed');
  expect(await read()).toMatchObject([trace]);
});
