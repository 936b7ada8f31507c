import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { v7 as uuidv7 } from 'uuid';
import type { PlacedEntity } from '../../services/pipeline/entity.ts';
import { holdPublication } from '../../services/pipeline/relay/hold.ts';
import { LOOK_MS } from '../../services/pipeline/relay/lanes.ts';
import { RELAY_LOCK_KEY, SLOTS, writeHeld } from '../../services/pipeline/relay/session.ts';
import type { Message } from '../../services/platform/kafka/native.ts';
import { readEnv } from '../../services/platform/env.ts';
import { postgresEnv } from '../../services/platform/postgres.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startKafkaBehind, type OwnKafka } from '../support/embedded-kafka.ts';
import { createTestTopics, type TestTopics } from '../support/kafka.ts';
import { call, createPipeline, createTask } from '../support/pipeline.ts';
import { killProcess, type ServiceProcess } from '../support/process.ts';
import { startTestRelay, type TestRelay } from '../support/relay.ts';
import { updateOf } from '../support/sample.ts';
import { taskIn } from '../support/task.ts';
import { createTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait.ts';

let database: TestDatabase;
let topics: TestTopics;
const relays: TestRelay[] = [];

beforeEach(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
  topics = await createTestTopics(inject('kafkaBrokers'));
});
afterEach(async () => {
  await Promise.all(relays.splice(0).map((relay) => relay.close()));
  await Promise.all([database.close(), topics.close()]);
});

const start = (lanes: number, brokers = inject('kafkaBrokers'), others: readonly PlacedEntity[] = []): TestRelay => {
  const relay = startTestRelay({
    databaseUrl: database.url,
    brokers,
    topics,
    others,
    settings: { RELAY_LANES: lanes },
  });
  relays.push(relay);
  return relay;
};

const stop = async (relay: TestRelay): Promise<void> => {
  relays.splice(relays.indexOf(relay), 1);
  await relay.close();
};

const slots = (of = relays): Promise<number[]> =>
  Promise.all(of.map((relay) => relay.metric('taskstream_relay_slots')));

const share = async (...expected: readonly number[]): Promise<void> => {
  const isShared = async (): Promise<boolean> => {
    const now = (await slots()).sort((a, b) => b - a);
    if (now.join() !== expected.join()) throw new Error(`it is ${now.join()}`);
    return true;
  };
  await waitFor(`slots to be shared as ${expected.join()}`, isShared);
};

/**
 * Changes as writers make them: each of them has ids of its own, whose versions grow.
 * @param pauseMs between two statements
 */
const write = (writers: number, pauseMs = 0) => {
  const stopped = new AbortController();
  const written = new Map<string, number>();
  const work = async (): Promise<void> => {
    const ids = Array.from({ length: 50 }, () => uuidv7());
    for (let version = 1; !stopped.signal.aborted; version += 1) {
      await database.pool.query(
        `INSERT INTO outbox (type, task_id, version, task)
         SELECT 'tasks.event.updated', id, $2, json_build_object('id', id, 'version', $2::bigint) FROM unnest($1::uuid[]) AS id`,
        [ids, version],
      );
      for (const id of ids) written.set(id, version);
      await delay(pauseMs);
    }
  };
  const working = Promise.all(Array.from({ length: writers }, work));
  return {
    /** @returns the newest version of each id */
    stop: async (): Promise<ReadonlyMap<string, number>> => {
      stopped.abort();
      await working;
      return written;
    },
  };
};

const insert = async (id: string, version: number, topic = topics.tasks): Promise<void> => {
  await database.pool.query(
    `INSERT INTO outbox (topic, type, task_id, version, task) VALUES ($1, 'tasks.event.updated', $2, $3, $4)`,
    [topic, id, version, JSON.stringify({ id, version })],
  );
};

const heldRows = async (): Promise<readonly string[]> => {
  const { rows } = await database.pool.query<{ task_id: string }>('SELECT task_id FROM outbox_held ORDER BY id');
  return rows.map(({ task_id }) => task_id);
};

const OF_RELAYS = `application_name = 'taskstream-relay' AND datname = current_database()`;

/** Waits until each relay has asked the database several times since. */
const askedAgain = async (): Promise<void> => {
  for (let time = 0; time < 4; time += 1) {
    const { rows } = await database.pool.query<{ now: Date }>('SELECT clock_timestamp() AS now');
    await waitFor('the relays to ask', async () => {
      const { rowCount } = await database.pool.query(
        `SELECT FROM pg_stat_activity WHERE ${OF_RELAYS} AND query_start <= $1`,
        [rows[0]?.now],
      );
      return rowCount === 0;
    });
  }
};

const versionOf = (value: Message['value']): number =>
  (JSON.parse(String(value)) as { value: { version: number } }).value.version;

/** Versions of each id in the order in which the topic has them. */
const published = async (topic = topics.tasks): Promise<ReadonlyMap<string, number[]>> => {
  const versions = new Map<string, number[]>();
  for (const { key, value } of await topics.readAll(topic)) {
    const of = versions.get(String(key)) ?? [];
    of.push(versionOf(value));
    versions.set(String(key), of);
  }
  return versions;
};

const upTo = (newest: number): number[] => Array.from({ length: newest }, (_, index) => index + 1);

it('two relays share the slots, and both publish', async () => {
  start(2);
  start(2);
  await share(SLOTS / 2, SLOTS / 2);
  const writers = write(2);
  await waitFor('both to publish', async () => {
    const counts = await Promise.all(relays.map((relay) => relay.metric('taskstream_relay_published_total')));
    return counts.every((count) => count > 500);
  });
  const written = await writers.stop();
  await database.outboxEmpty();
  expect(await published()).toEqual(new Map([...written].map(([id, newest]) => [id, upTo(newest)])));
});

it('loses nothing, and keeps the newest last, when processes that share the slots are killed, stand still and come', async () => {
  const pipeline = await createPipeline();
  const writing = new AbortController();
  try {
    const startApi = () => pipeline.startApi({ RELAY_LANES: '2' });
    const apis = await Promise.all([startApi(), startApi()]);
    await pipeline.startIndexer();
    const of = (api: ServiceProcess) => api.metric('taskstream_relay_slots');
    const halves = (pair: readonly ServiceProcess[]) =>
      waitFor('each to have half of the slots', async () =>
        (await Promise.all(pair.map(of))).every((count) => count === SLOTS / 2),
      );
    await halves(apis);
    const [killed, frozen] = apis;
    const write = async (api: ServiceProcess, id: string): Promise<void> => {
      for (let n = 0; !writing.signal.aborted; n += 1) {
        expect((await call(api, 'PUT', `/tasks/${id}`, updateOf(`change ${n}`))).status).toBe(200);
      }
    };
    const third = await startApi();
    const ids = await Promise.all(
      Array.from({ length: 16 }, async (_, n) => (await createTask(third, `task ${n}`)).id),
    );
    const writers = Promise.all(ids.map((id) => write(third, id)));
    // Whoever waited for a seat has it now.
    await killProcess(killed);
    await halves([frozen, third]);
    frozen.child.kill('SIGSTOP');
    await waitFor('the other to have all', async () => (await of(third)) === SLOTS);
    const fourth = await startApi();
    await halves([third, fourth]);
    frozen.child.kill('SIGCONT');
    await waitFor('it to notice', async () => (await of(frozen)) === 0);
    writing.abort();
    await writers;
    await pipeline.converged();
    await pipeline.database.outboxEmpty();
    const [messages, versions] = [
      await pipeline.topics.readAll(pipeline.topics.tasks),
      await pipeline.database.versions(),
    ];
    for (const id of ids) {
      const newest = versions.get(id) ?? 0;
      const all = messages.filter(({ key }) => String(key) === id).map(({ value }) => versionOf(value));
      // Repeated and out of order only where what one had sent was taken later than it had the lock.
      expect([new Set(all).size, all.at(-1)]).toEqual([newest, newest]);
    }
  } finally {
    writing.abort();
    await pipeline.close();
  }
});

/** As a rollout: one begins, then one of before ends. */
const roll = async (lanes: number): Promise<void> => {
  const before = [...relays];
  for (let turn = 0; turn < Math.max(before.length, lanes); turn += 1) {
    if (turn < lanes) start(lanes);
    await waitFor('all slots to be with a relay', async () => total(await slots()) === SLOTS);
    const [old] = before.slice(turn);
    if (old !== undefined) await stop(old);
  }
  await share(...Array.from({ length: lanes }, () => SLOTS / lanes));
};

const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);

it('publishes each change once and in order while relays of 1, 2, 4 and again 1 lane replace one another', async () => {
  start(1);
  await share(SLOTS);
  const writers = write(4);
  for (const lanes of [2, 4, 1]) await roll(lanes);
  const written = await writers.stop();
  await database.outboxEmpty();
  expect(await published()).toEqual(new Map([...written].map(([id, newest]) => [id, upTo(newest)])));
});

it('leaves no slot without a relay: one that is left has them all, and takes no more than its share once another comes', async () => {
  start(2);
  await share(SLOTS);
  const second = start(2);
  // Of three, one waits for a seat.
  start(2);
  await share(SLOTS / 2, SLOTS / 2, 0);
  await stop(second);
  await share(SLOTS / 2, SLOTS / 2);
  for (const relay of [...relays].slice(1)) await stop(relay);
  await share(SLOTS);
});

it('publishes nothing beside a relay of the release before, or a hold, which have the lock for themselves', async () => {
  const before = new Client({ connectionString: database.url });
  await before.connect();
  const { rows } = await before.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1) AS locked', [
    RELAY_LOCK_KEY,
  ]);
  expect(rows).toEqual([{ locked: true }]);
  start(2);
  start(2);
  await insert(uuidv7(), 1);
  const seats = () => database.pool.query(`SELECT FROM pg_stat_activity WHERE ${OF_RELAYS}`);
  await waitFor('both to be connected', async () => (await seats()).rowCount === 2);
  await askedAgain();
  expect([await slots(), await topics.end()]).toEqual([[0, 0], 0]);
  await before.query('SELECT pg_advisory_unlock($1)', [RELAY_LOCK_KEY]);
  await share(SLOTS / 2, SLOTS / 2);
  await database.outboxEmpty();
  const tried = await before.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1) AS locked', [RELAY_LOCK_KEY]);
  expect(tried.rows).toEqual([{ locked: false }]);
  await before.end();
  const hold = await holdPublication(readEnv(postgresEnv, { DATABASE_URL: database.url }));
  await share(0, 0);
  await hold.release();
  await share(SLOTS / 2, SLOTS / 2);
});

it('gives away slots of which rows are held back, and their order stays', async () => {
  start(2);
  await share(SLOTS);
  const away = `away-${topics.tasks}`;
  const ids = Array.from({ length: 20 }, () => uuidv7());
  for (const version of [1, 2, 3]) for (const id of ids) await insert(id, version, away);
  // Its first row is retried now, for as long as the Kafka client waits for the topic: the slot of that row goes after it.
  await waitFor('a row to be held', async () => (await heldRows()).length === 1);
  start(2);
  await share(SLOTS / 2, SLOTS / 2);
  await topics.create(away, {});
  await waitFor('all to be published', async () => (await topics.readAll(away)).length >= 3 * ids.length);
  expect(await published(away)).toEqual(new Map(ids.map((id) => [id, [1, 2, 3]])));
  await waitFor('no row to be held', async () => (await heldRows()).length === 0);
});

it('says which rows are held without a word about those of another relay', async () => {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    const { rows } = await client.query<{ id: string; slot: number }>(
      `SELECT DISTINCT ON (slot) id, slot FROM (SELECT id, uuid_hash(id) & 63 AS slot FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, 50)) AS ids) AS hashed LIMIT 2`,
    );
    const held = rows.map(({ id, slot }, index) => ({
      row: {
        ...{ id: String(index), task_id: id, scope: 'topic away', reason: '', attempts: 1 },
        since: '2026-01-01T00:00:00Z',
      },
      mask: BigInt.asIntN(SLOTS, 1n << BigInt(slot)),
    }));
    for (const { row, mask } of held) await writeHeld(client, [row], mask);
    expect(await heldRows()).toEqual(held.map(({ row }) => row.task_id));
    const [first, second] = held;
    await writeHeld(client, [], first?.mask ?? 0n);
    expect(await heldRows()).toEqual([second?.row.task_id]);
  } finally {
    await client.end();
  }
});

/** Waits until there are so many sessions, and each has looked several times who has a seat. */
const looked = async (count: number): Promise<void> => {
  const sessions = () => database.pool.query(`SELECT FROM pg_stat_activity WHERE ${OF_RELAYS}`);
  await waitFor('the relays to be connected', async () => (await sessions()).rowCount === count);
  await delay(4 * LOOK_MS);
};

const publishedBy = (relay: TestRelay): Promise<number> => relay.metric('taskstream_relay_published_total');

it('takes no slots from a relay that publishes them while it has reached no broker itself', async () => {
  start(2);
  await share(SLOTS);
  start(2, '127.0.0.1:1');
  await looked(2);
  expect(await slots()).toEqual([SLOTS, 0]);
});

describe('with a Kafka that can be cut off and stand still', () => {
  let kafka: OwnKafka;
  let proxy: TcpProxy;
  beforeEach(async () => {
    ({ kafka, proxy } = await startKafkaBehind(createTcpProxy));
    await topics.close();
    topics = await createTestTopics(kafka.brokers);
  });
  afterEach(async () => {
    await Promise.all(relays.splice(0).map((relay) => relay.close()));
    await topics.close();
    topics = await createTestTopics(inject('kafkaBrokers'));
    await kafka.close();
    await proxy.close();
  });

  it('a relay gives its slots to one that reaches a broker when it reaches none, and takes them again when it does', async () => {
    const cut = start(2, `127.0.0.1:${proxy.port}`);
    const other = start(2, kafka.brokers);
    await share(SLOTS / 2, SLOTS / 2);
    const writers = write(1, 100);
    await waitFor('both to publish', async () => Math.min(await publishedBy(cut), await publishedBy(other)) > 100);
    proxy.cut();
    // Kafka has 30 s for what is in flight, and as long again for a row that is tried once more just then.
    const hasAll = async () => (await slots([cut, other])).join() === [0, SLOTS].join();
    await waitFor('the other to have all', hasAll, { timeoutMs: 90_000 });
    const written = await writers.stop();
    await database.outboxEmpty();
    proxy.restore();
    await share(SLOTS / 2, SLOTS / 2);
    await insert(uuidv7(), 1);
    await database.outboxEmpty();
    // What was in flight on the cut way may have come, and comes again from the other one; the newest is last.
    const versions = await published();
    for (const [id, newest] of written) {
      expect([...new Set(versions.get(id))].sort((a, b) => a - b)).toEqual(upTo(newest));
      expect(versions.get(id)?.at(-1)).toBe(newest);
    }
  });

  it('two relays whose only broker stands still for longer than their records may wait lose nothing, and both publish again', async () => {
    const pair = [start(2, kafka.brokers), start(2, kafka.brokers)];
    await share(SLOTS / 2, SLOTS / 2);
    const all = (metric: string, least: number) => async () =>
      (await Promise.all(pair.map((relay) => relay.metric(metric)))).every((count) => count > least);
    const writers = write(1, 100);
    await waitFor('both to publish', all('taskstream_relay_published_total', 100));
    kafka.pause();
    try {
      await waitFor('records of both to time out', all('taskstream_relay_failures_total', 0));
    } finally {
      kafka.resume();
    }
    const written = await writers.stop();
    await database.outboxEmpty();
    await share(SLOTS / 2, SLOTS / 2);
    const before = await Promise.all(pair.map(publishedBy));
    // What was in flight may have come late, and older than what came before it. What is written from now on is in order.
    for (const ahead of [1, 2, 3]) for (const [id, newest] of written) await insert(id, newest + ahead);
    await database.outboxEmpty();
    const after = await Promise.all(pair.map(publishedBy));
    expect(after.every((count, index) => count > (before[index] ?? 0))).toBe(true);
    const versions = await published();
    for (const [id, newest] of written) {
      expect(new Set(versions.get(id))).toEqual(new Set(upTo(newest + 3)));
      expect(versions.get(id)?.slice(-3)).toEqual([newest + 1, newest + 2, newest + 3]);
    }
  });

  it('a relay asks the database no more often while it waits for a broker', async () => {
    const relay = start(1, `127.0.0.1:${proxy.port}`);
    await insert(uuidv7(), 1);
    await database.outboxEmpty();
    proxy.cut();
    await insert(uuidv7(), 1);
    await waitFor('it to fail', async () => (await relay.metric('taskstream_relay_failures_total')) > 0, {
      timeoutMs: 60_000,
    });
    // A session reports what it did once a second.
    const asked = async (): Promise<number> => {
      const { rows } = await database.pool.query<{ count: number }>(
        'SELECT xact_commit::float8 AS count FROM pg_stat_database WHERE datname = current_database()',
      );
      return rows[0]?.count ?? 0;
    };
    const before = await asked();
    await delay(5_000);
    expect(((await asked()) - before) / 5).toBeLessThan(100);
  });

  it('a relay that reaches a broker takes one more seat where those that have them all reach none, and leaves it to these', async () => {
    start(2, `127.0.0.1:${proxy.port}`);
    start(2, `127.0.0.1:${proxy.port}`);
    await share(SLOTS / 2, SLOTS / 2);
    await insert(uuidv7(), 1);
    await database.outboxEmpty();
    proxy.cut();
    const ids = Array.from({ length: 50 }, () => uuidv7());
    for (const id of ids) await insert(id, 1);
    start(2, kafka.brokers);
    await waitFor('the third to have all', async () => (await slots()).join() === [0, 0, SLOTS].join(), {
      timeoutMs: 90_000,
    });
    await database.outboxEmpty();
    proxy.restore();
    await waitFor('the two to share again', async () => (await slots()).join() === [SLOTS / 2, SLOTS / 2, 0].join());
    // Its seat went with its slots: it waits for one of the two, as any other.
    await relays[0]?.close();
    await waitFor('it to share', async () => (await slots()).join() === [0, SLOTS / 2, SLOTS / 2].join());
    const versions = await published();
    for (const id of ids) expect(versions.get(id)?.at(-1)).toBe(1);
  });
});

it('leaves the slots to others once it has met a type of event that only a newer version knows', async () => {
  const older = start(2);
  const archived = {
    ...taskIn(),
    name: 'note',
    effects: { 'tasks.event.archived': 'index' },
    topic: topics.tasks,
  } as const;
  const newer = start(2, undefined, [archived]);
  await share(SLOTS / 2, SLOTS / 2);
  await database.pool.query(
    `INSERT INTO outbox (type, task_id, version, task)
     SELECT 'tasks.event.archived', gen_random_uuid(), 1, '{"version": 1}' FROM generate_series(1, 50)`,
  );
  await database.outboxEmpty();
  expect((await published()).size).toBe(50);
  await share(SLOTS, 0);
  await looked(2);
  expect(await slots([older, newer])).toEqual([0, SLOTS]);
});

it('publishes what waits in slots that it gains, of which it had passed over more than it reads at once', async () => {
  start(2);
  await share(SLOTS);
  // It has the second seat, and every second slot.
  const other = start(2);
  await share(SLOTS / 2, SLOTS / 2);
  const { rows } = await database.pool.query<{ id: string }>(
    'SELECT id FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, 1000)) AS ids WHERE uuid_hash(id) & 1 = 1 LIMIT 200',
  );
  const ids = rows.map(({ id }) => id);
  const away = `away-${topics.tasks}`;
  for (let version = 1; version <= 110; version += 1) {
    await database.pool.query(
      `INSERT INTO outbox (topic, type, task_id, version, task)
       SELECT $1, 'tasks.event.updated', id, $3, json_build_object('id', id, 'version', $3::bigint) FROM unnest($2::uuid[]) AS id`,
      [away, ids, version],
    );
  }
  await waitFor('a row to be held', async () => (await heldRows()).length === 1);
  // Marks move several times a second.
  await delay(4 * LOOK_MS);
  await stop(other);
  await share(SLOTS);
  await topics.create(away, {});
  await database.outboxEmpty();
  expect(await published(away)).toEqual(new Map(ids.map((id) => [id, upTo(110)])));
});
