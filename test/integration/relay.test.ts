import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { v7 as uuidv7 } from 'uuid';
import { advance, ALL_SLOTS, LongScans, RELAY_LOCK_KEY } from '../../services/pipeline/relay/session.ts';
import { headerOf } from '../../services/platform/kafka/headers.ts';
import type { Message } from '../../services/platform/kafka/native.ts';
import type { PlacedEntity } from '../../services/pipeline/entity.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startOwnKafka } from '../support/embedded-kafka.ts';
import { taskOf, versionsOf } from '../support/events.ts';
import { createTestProducer, createTestTopics, type TestTopics } from '../support/kafka.ts';
import { startTestRelay, type TestRelay } from '../support/relay.ts';
import { insertTasks, taskIn } from '../support/task.ts';
import { waitFor } from '../support/wait.ts';

let database: TestDatabase;
let topics: TestTopics;
const relays: TestRelay[] = [];

beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
});
afterEach(async () => {
  await Promise.all(relays.splice(0).map((relay) => relay.close()));
  await topics.close();
  await database.pool.query('TRUNCATE outbox, tasks');
});
afterAll(() => database.close());

const useTopics = async (brokers = inject('kafkaBrokers')): Promise<void> => {
  topics = await createTestTopics(brokers);
};
/** A second entity; the relay looks only at its event types and its topic. */
const notes = (): PlacedEntity => ({
  ...taskIn(),
  name: 'note',
  table: 'notes',
  effects: { 'notes.event.created': 'index' },
  topic: topics.deadLetters,
});
const BATCH = 100;
const start = (brokers = inject('kafkaBrokers')): TestRelay => {
  const settings = { RELAY_BATCH_SIZE: BATCH };
  const relay = startTestRelay({ databaseUrl: database.url, brokers, topics, others: [notes()], settings });
  relays.push(relay);
  return relay;
};
const failuresOf = (relay: TestRelay): Promise<number> => relay.metric('taskstream_relay_failures_total', 'task');
const insert = async (
  type: string,
  taskId: string,
  version: number,
  traceparent: string | null = null,
): Promise<void> => {
  await database.pool.query(
    'INSERT INTO outbox (type, task_id, version, task, traceparent) VALUES ($1, $2, $3, $4, $5)',
    [`tasks.event.${type}`, taskId, version, JSON.stringify({ id: taskId, version }), traceparent],
  );
};
const published = async (): Promise<Message[]> => topics.readAll(topics.tasks);
/** Each once: an event whose confirmation did not come in time is published again. */
const publishedIds = async (): Promise<string[]> => [
  ...new Set((await published()).map(({ key }) => String(key)).sort()),
];

describe('the relay', () => {
  it('publishes each change under its task id, with CloudEvents headers and the trace of its request', async () => {
    await useTopics();
    const taskId = uuidv7();
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await insert('created', taskId, 1, traceparent);
    start();
    await database.outboxEmpty();
    const [message] = await published();
    expect(message?.key?.toString()).toBe(taskId);
    expect(JSON.parse(String(message?.value))).toEqual({
      type: 'tasks.event.created',
      value: { id: taskId, version: 1 },
    });
    expect(headerOf(message, 'ce_id')).toBe(`${taskId}:1`);
    expect(headerOf(message, 'ce_type')).toBe('tasks.event.created');
    expect(headerOf(message, 'ce_subject')).toBe(taskId);
    expect(headerOf(message, 'ce_specversion')).toBe('1.0');
    expect(headerOf(message, 'ce_source')).toBe('/taskstream/api');
    expect(Date.parse(headerOf(message, 'ce_time') ?? '')).toBeGreaterThan(Date.now() - 60_000);
    expect(headerOf(message, 'traceparent')).toBe(traceparent);
  });

  it('sends a tombstone after a deletion, so that compaction forgets the task', async () => {
    await useTopics();
    const taskId = uuidv7();
    await insert('created', taskId, 1);
    await insert('deleted', taskId, 2);
    start();
    await database.outboxEmpty();
    const messages = await published();
    expect(messages.map(({ value }) => value === null)).toEqual([false, false, true]);
    expect(messages.every(({ key }) => key?.toString() === taskId)).toBe(true);
  });

  it('keeps the order of each task over thousands of rows', async () => {
    await useTopics();
    const ids = Array.from({ length: 50 }, () => uuidv7());
    await database.pool.query(
      `INSERT INTO outbox (type, task_id, version, task)
       SELECT 'tasks.event.updated', id, version, json_build_object('id', id, 'version', version)
       FROM generate_series(1, 60) AS version, unnest($1::uuid[]) AS id ORDER BY version`,
      [ids],
    );
    const relay = start();
    await database.outboxEmpty();
    const messages = await published();
    // Each once, where no chunk had to be sent again.
    if ((await failuresOf(relay)) === 0) expect(messages).toHaveLength(3_000);
    for (const id of ids) expect(versionsOf(messages, id)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
  });

  it('does not skip a row whose transaction commits after later rows were published', async () => {
    await useTopics();
    const [late, early] = [uuidv7(), uuidv7()];
    const client = await database.pool.connect();
    try {
      await client.query('BEGIN');
      await client.query(
        `INSERT INTO outbox (type, task_id, version, task) VALUES ('tasks.event.created', $1, 1, '{}')`,
        [late],
      );
      await insert('created', early, 1);
      start();
      await waitFor('the later row', async () => (await topics.end()) === 1);
      await client.query('COMMIT');
    } finally {
      client.release();
    }
    await database.outboxEmpty();
    expect(await publishedIds()).toEqual([late, early].sort());
  });

  it('does not pass over a row whose transaction stays open while no other ends, and keeps the order of its id', async () => {
    await useTopics();
    start();
    const [first, id] = [uuidv7(), uuidv7()];
    await insert('created', first, 1);
    await database.outboxEmpty();
    const client = await database.pool.connect();
    try {
      // As a commit that waits for a synchronous standby: the row's number is drawn, and nobody sees the row.
      await client.query('BEGIN');
      await client.query('SELECT pg_current_xact_id()');
      await client.query(
        `INSERT INTO outbox (type, task_id, version, task) VALUES ('tasks.event.created', $1, 1, $2)`,
        [id, JSON.stringify({ id, version: 1 })],
      );
      await delay(2_000);
      await client.query('COMMIT');
    } finally {
      client.release();
    }
    await insert('updated', id, 2);
    await waitFor('both', async () => versionsOf(await published(), id).length === 2, { timeoutMs: 10_000 });
    expect(versionsOf(await published(), id)).toEqual([1, 2]);
  });

  it('is active in one of several replicas, and another takes over when that one loses its session', async () => {
    await useTopics();
    const pair = [start(), start()];
    const leaders = () => pair.filter((relay) => relay.isLeader());
    await waitFor('a leader', () => leaders().length === 1);
    const [first] = leaders();
    const taskId = uuidv7();
    await insertTasks(database.pool, [taskOf({ id: taskId, version: 40 })]);
    for (let version = 1; version <= 20; version += 1) await insert('updated', taskId, version);
    await waitFor('the first events', async () => (await topics.end()) > 0);
    await database.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    for (let version = 21; version <= 40; version += 1) await insert('updated', taskId, version);
    await database.outboxEmpty();
    await waitFor('one leader again', () => leaders().length === 1);
    // The newest comes once more behind what was in flight when the session ended.
    const versions = versionsOf(await published(), taskId);
    expect([[...new Set(versions)], versions.at(-1)]).toEqual([Array.from({ length: 40 }, (_, i) => i + 1), 40]);
    // A graceful close gives the lock away at once.
    await first?.close();
    await waitFor('the other to lead', () => leaders().length === 1 && leaders()[0] !== first);
  });

  it('publishes what stands before a row that it does not know, once, and gives the lock to one that may know it', async () => {
    await useTopics();
    // A whole chunk before it: the unknown row is read while that one is in flight.
    for (let version = 1; version <= BATCH; version += 1) await insert('created', uuidv7(), version);
    await insert('exploded', uuidv7(), 1);
    await insert('created', uuidv7(), 1);
    const relay = start();
    await waitFor('the relay to give up', async () => (await failuresOf(relay)) >= 3);
    expect(await topics.end()).toBe(BATCH);
    const { rows } = await database.pool.query<{ type: string }>('SELECT type FROM outbox ORDER BY id');
    expect(rows.map(({ type }) => type)).toEqual(['tasks.event.exploded', 'tasks.event.created']);
  });

  it('publishes rows of several entities, each to the topic it names, or to that of its type where it names none', async () => {
    await useTopics();
    const [task, named, unnamed] = [uuidv7(), uuidv7(), uuidv7()];
    await insert('created', task, 1);
    for (const [id, topic] of [
      [named, topics.tasks],
      [unnamed, null],
    ] as const) {
      await database.pool.query(
        `INSERT INTO outbox (topic, type, task_id, version, task) VALUES ($1, 'notes.event.created', $2, 1, '{}')`,
        [topic, id],
      );
    }
    const relay = start();
    await database.outboxEmpty();
    expect(await publishedIds()).toEqual([task, named].sort());
    expect((await topics.readAll(topics.deadLetters)).map(({ key }) => String(key))).toEqual([unnamed]);
    const count = (entity: string) => relay.metric('taskstream_relay_published_total', entity);
    expect([await count('task'), await count('note')]).toEqual([1, 2]);
  });

  it('sets a record aside that Kafka refuses for good, with its reason, and publishes everything else once', async () => {
    await useTopics();
    const small = `small-${topics.tasks}`;
    await topics.create(small, { 'max.message.bytes': '20000' });
    const [refused, ...others] = Array.from({ length: 20 }, () => uuidv7());
    const rowOf = (id: string | undefined, version: number, text = '') =>
      database.pool.query(
        `INSERT INTO outbox (topic, type, task_id, version, task) VALUES ($1, 'tasks.event.updated', $2, $3, $4)`,
        [small, id, version, JSON.stringify({ id, version, text })],
      );
    for (const id of others.slice(0, 10)) await rowOf(id, 1);
    // No compression makes it fit.
    await rowOf(refused, 1, randomBytes(30_000).toString('base64'));
    for (const id of others.slice(10)) await rowOf(id, 1);
    await rowOf(refused, 2);
    start();
    await database.outboxEmpty();
    const messages = await topics.readAll(small);
    expect(messages.map(({ key }) => String(key)).sort()).toEqual([...others, refused].sort());
    expect(versionsOf(messages, refused ?? '')).toEqual([2]);
    const { rows } = await database.pool.query<{ task_id: string; version: string; reason: string }>(
      'DELETE FROM outbox_refused RETURNING task_id, version, reason',
    );
    expect(rows).toEqual([{ task_id: refused, version: '1', reason: expect.stringMatching(/too large/i) as string }]);
  });

  it('leaves no row behind that Kafka took while a later one of its id was refused', async () => {
    await useTopics();
    const id = uuidv7();
    const rowOf = (version: number, text = '') =>
      database.pool.query(
        `INSERT INTO outbox (type, task_id, version, task) VALUES ('tasks.event.updated', $1, $2, $3)`,
        [id, version, JSON.stringify({ id, version, text })],
      );
    await rowOf(1);
    // The client refuses it before it sends anything.
    await rowOf(2, randomBytes(1_500_000).toString('base64'));
    await rowOf(3);
    start();
    await waitFor(
      'the outbox to be empty',
      async () => {
        return (await database.pool.query('SELECT FROM outbox')).rowCount === 0;
      },
      { timeoutMs: 20_000 },
    );
    await database.pool.query('DELETE FROM outbox_refused');
    expect(versionsOf(await published(), id).at(-1)).toBe(3);
  });

  it('while somebody holds rows that must be followed up, publishes on and follows up the others, and these when it stops', async () => {
    await useTopics();
    const relay = start();
    await waitFor('it to lead', () => relay.isLeader());
    // So many that some are in flight whenever its session ends.
    const tasks = Array.from({ length: 10_000 }, () => taskOf({ version: 2 }));
    await insertTasks(database.pool, tasks);
    await database.pool.query(
      `INSERT INTO outbox (type, task_id, version, task)
       SELECT 'tasks.event.updated', id, version - 1, '{}' FROM tasks WHERE id = ANY($1)`,
      [tasks.map(({ id }) => id)],
    );
    const held = new Set(tasks.map(({ id }) => id).filter((_, index) => index % 2 === 0));
    const stranger = new Client({ connectionString: database.url });
    const followedUp = async (): Promise<string[]> =>
      (await published()).filter((record) => headerOf(record, 'ce_id')?.endsWith(':2')).map(({ key }) => String(key));
    try {
      await stranger.connect();
      await stranger.query('BEGIN');
      await stranger.query('SELECT FROM tasks WHERE id = ANY($1) FOR UPDATE', [[...held]]);
      await waitFor('some to be published', async () => (await topics.end()) > 0, { intervalMs: 1 });
      await database.pool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      );
      const later = uuidv7();
      await insert('created', later, 1);
      await waitFor('what comes later', async () => (await publishedIds()).includes(later), { timeoutMs: 20_000 });
      await waitFor('the others to be followed up', async () => (await followedUp()).length > 0);
      expect((await followedUp()).filter((id) => held.has(id))).toEqual([]);
    } finally {
      // Long before the next attempt.
      await stranger.end();
    }
    await relay.close();
    start();
    await database.outboxEmpty();
    expect((await followedUp()).filter((id) => held.has(id))).not.toEqual([]);
  });

  it('takes a record of another time, as by a wrong clock, for no refusal: its change is not set aside', async () => {
    await useTopics();
    const strict = `strict-${topics.tasks}`;
    await topics.create(strict, { 'message.timestamp.before.max.ms': '0' });
    const producer = await createTestProducer({ KAFKA_BROKERS: inject('kafkaBrokers') });
    const record = { key: 'key', value: Buffer.from('value'), headers: [] };
    // A record that comes within the millisecond of its time is taken.
    const error = await waitFor('Kafka to refuse one', async () => (await producer.send(strict, [record]))[0]);
    expect(error).toMatchObject({ message: expect.stringMatching(/timestamp/i) as string, isRefusal: false });
    await producer.disconnect(1_000);
  });

  it('holds back what goes to a topic that does not answer and nothing else, names it, and sends nothing twice', async () => {
    await useTopics();
    const away = `away-${topics.tasks}`;
    const [held, healthy] = [uuidv7(), Array.from({ length: 3 * BATCH }, () => uuidv7())];
    for (let version = 1; version <= 5; version += 1) {
      await database.pool.query(
        `INSERT INTO outbox (topic, type, task_id, version, task) VALUES ($1, 'tasks.event.updated', $2, $3, $4)`,
        [away, held, version, JSON.stringify({ id: held, version })],
      );
    }
    for (const id of healthy) await insert('created', id, 1);
    start();
    await waitFor('the healthy rows to be gone', async () => (await database.waiting()) === 5);
    const shown = await waitFor('the row to be named', async () => {
      const { rows } = await database.pool.query<{ task_id: string; scope: string; reason: string }>(
        'SELECT task_id, scope, reason FROM outbox_held',
      );
      return rows[0];
    });
    expect(shown).toMatchObject({ task_id: held, scope: `topic ${away}` });
    expect(shown.reason).not.toBe('');
    // While it is retried, new rows pass.
    const later = uuidv7();
    await insert('created', later, 1);
    await waitFor('the later row to be gone', async () => (await database.waiting()) === 5);
    await topics.create(away, {});
    await database.outboxEmpty();
    expect((await published()).map(({ key }) => String(key)).sort()).toEqual([...healthy, later].sort());
    expect(versionsOf(await topics.readAll(away), held)).toEqual([1, 2, 3, 4, 5]);
  });

  it('finds a row that a statement by hand put below what it has read, and rows that wait hold up no others meanwhile', async () => {
    await useTopics();
    await database.pool.query(
      `INSERT INTO outbox (topic, type, task_id, version, task)
       SELECT $1, 'tasks.event.updated', gen_random_uuid(), 1, '{}' FROM generate_series(1, 30000)`,
      [`away-${topics.tasks}`],
    );
    const isGone = async (id: string): Promise<boolean> =>
      (await database.pool.query('SELECT FROM outbox WHERE task_id = $1', [id])).rowCount === 0;
    start();
    const first = uuidv7();
    await insert('created', first, 1);
    await waitFor('the first row behind those that wait', () => isGone(first));
    const late = uuidv7();
    await database.pool.query(
      `INSERT INTO outbox (id, type, task_id, version, task) OVERRIDING SYSTEM VALUE
       SELECT min(id) - 1, 'tasks.event.created', $1, 1, '{}' FROM outbox`,
      [late],
    );
    const until = performance.now() + 70_000;
    let longestMs = 0;
    while (performance.now() < until) {
      const id = uuidv7();
      await insert('created', id, 1);
      const insertedAt = performance.now();
      await waitFor('a row behind those that wait', () => isGone(id), { intervalMs: 20 });
      longestMs = Math.max(longestMs, performance.now() - insertedAt);
    }
    expect(await isGone(late)).toBe(true);
    // To read all that waits takes longer.
    expect(longestMs).toBeLessThan(2_000);
  });

  it('passes over no row that it has published while somebody holds an old snapshot, so that vacuum removes none', async () => {
    await useTopics();
    const rows = 20_000;
    const holder = await database.pool.connect();
    const scans = async (): Promise<{ readonly scans: number; readonly entries: number }> => {
      const { rows: found } = await database.pool.query<{ scans: number; entries: number }>(
        `SELECT idx_scan::float8 AS scans, idx_tup_read::float8 AS entries
         FROM pg_stat_user_indexes WHERE indexrelname = 'outbox_pkey'`,
      );
      if (found[0] === undefined) throw new Error('no figures of the index');
      return found[0];
    };
    try {
      await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      await holder.query('SELECT FROM outbox');
      start();
      await database.pool.query(
        `INSERT INTO outbox (type, task_id, version, task)
         SELECT 'tasks.event.created', gen_random_uuid(), 1, '{}' FROM generate_series(1, $1)`,
        [rows],
      );
      await database.outboxEmpty();
      await database.pool.query('VACUUM outbox');
      // Counted by PostgreSQL, which hears of a session's scans once a second.
      let before = await scans();
      await waitFor('polls that read hardly an entry of the index', async () => {
        const now = await scans();
        const polls = now.scans - before.scans;
        if (polls < 10) return false;
        const entries = (now.entries - before.entries) / polls;
        before = now;
        if (entries > rows / 100) throw new Error(`${entries} entries a poll`);
        return true;
      });
      // They are all there still, for whoever begins at the first.
      const { rows: dead } = await database.pool.query<{ dead: number }>(
        "SELECT n_dead_tup::float8 AS dead FROM pg_stat_user_tables WHERE relname = 'outbox'",
      );
      expect(dead[0]?.dead).toBeGreaterThanOrEqual(rows);
    } finally {
      await holder.query('ROLLBACK');
      holder.release();
    }
  });

  it('reads no more than RELAY_MAX_BYTES at once, and one event that is larger all the same', async () => {
    const client = new Client({ connectionString: database.url });
    await client.connect();
    try {
      for (const size of [10, 600, 600, 600, 10]) {
        await client.query(
          `INSERT INTO outbox (type, task_id, version, task) VALUES ('tasks.event.created', gen_random_uuid(), 1, $1)`,
          ['x'.repeat(size)],
        );
      }
      const read = async (after: number, maxBytes: number): Promise<readonly number[]> => {
        const rows = await advance(client, { confirmed: [], after, seen: [], limit: 100, maxBytes, slots: ALL_SLOTS });
        return rows.map(({ task }) => task.length);
      };
      expect(await read(0, 1_000)).toEqual([10, 600, 600]);
      expect(await read(0, 5)).toEqual([10]);
    } finally {
      await client.end();
    }
  });

  it('gives a scan from the beginning twice the time after one that had too little', async () => {
    const client = new Client({ connectionString: database.url });
    const locker = await database.pool.connect();
    const scans = new LongScans(100);
    const read = () =>
      advance(client, { confirmed: [], after: 0, seen: [], limit: 1, maxBytes: 1, slots: ALL_SLOTS, scans });
    try {
      await client.connect();
      await insert('created', uuidv7(), 1);
      await locker.query('BEGIN; LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE');
      for (const leastMs of [100, 200, 400]) {
        const startedAt = performance.now();
        await expect(read()).rejects.toMatchObject({ code: '57014' });
        expect(performance.now() - startedAt).toBeGreaterThanOrEqual(leastMs);
      }
      await locker.query('ROLLBACK');
      expect(await read()).toHaveLength(1);
      const { rows } = await client.query('SHOW statement_timeout');
      expect(rows).toEqual([{ statement_timeout: '0' }]);
    } finally {
      locker.release();
      await client.end();
    }
  });

  it('publishes at once what its own process wrote, without waiting for a poll', async () => {
    await useTopics();
    const relay = start();
    await waitFor('a leader', () => relay.isLeader());
    await insert('created', uuidv7(), 1);
    relay.wake();
    await database.outboxEmpty();
    expect(await topics.end()).toBe(1);
  });

  it('follows up at its stop what Kafka has not answered for since its session was lost', async () => {
    const kafka = await startOwnKafka();
    const next = new Client({ connectionString: database.url });
    try {
      await useTopics(kafka.brokers);
      const relay = start(kafka.brokers);
      await insert('created', uuidv7(), 1);
      await database.outboxEmpty();
      kafka.pause();
      const task = taskOf({ version: 2 });
      await insertTasks(database.pool, [task]);
      await insert('created', task.id, 1);
      relay.wake();
      await delay(500);
      // The next leader, from whom it does not get the lock back.
      await next.connect();
      const taken = next.query('SELECT pg_advisory_lock($1)', [RELAY_LOCK_KEY]);
      await database.pool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      );
      await taken;
      await waitFor('it to see that', () => !relay.isLeader());
      await relay.close();
      const { rows } = await database.pool.query<{ version: string }>(
        'SELECT version FROM outbox WHERE task_id = $1 ORDER BY id',
        [task.id],
      );
      expect(rows.map(({ version }) => version)).toEqual(['1', '2']);
    } finally {
      kafka.resume();
      await next.end();
      await Promise.all(relays.splice(0).map((relay) => relay.close()));
      await topics.close();
      await kafka.close();
      await useTopics();
    }
  }, 120_000);

  it('loses nothing while Kafka is down, and goes on by itself when it is back', async () => {
    const kafka = await startOwnKafka();
    try {
      await useTopics(kafka.brokers);
      const relay = start(kafka.brokers);
      const [before, during] = [uuidv7(), uuidv7()];
      await insert('created', before, 1);
      await database.outboxEmpty();
      await kafka.kill();
      await insert('created', during, 1);
      relay.wake();
      await waitFor('the row to be tried', async () => (await database.waiting()) === 1);
      await kafka.start();
      await database.outboxEmpty();
      expect(await publishedIds()).toEqual([before, during].sort());
    } finally {
      await Promise.all(relays.splice(0).map((relay) => relay.close()));
      await topics.close();
      await kafka.close();
      await useTopics();
    }
  }, 120_000);
});
