import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { RELAY_LOCK_KEY } from '../../services/pipeline/relay/session.ts';
import { holdPublication } from '../../services/pipeline/relay/hold.ts';
import { postgresEnv } from '../../services/platform/postgres.ts';
import { measureLag, type LagReport } from '../../services/ops/lag/lag.ts';
import { measureOutbox, type OutboxReport } from '../../services/ops/outbox/outbox.ts';
import { createTopicReader, type TopicReader } from '../../services/platform/kafka/reader.ts';
import { readEnv } from '../../services/platform/env.ts';
import { kafkaEnv } from '../../services/platform/kafka/settings.ts';
import { createLogger } from '../../services/platform/logger.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventRecord, taskOf } from '../support/events.ts';
import { createIndexerFixture, type IndexerFixture } from '../support/indexer.ts';
import { jsonLines, runOps, startOps } from '../support/ops.ts';
import { waitFor } from '../support/wait.ts';

// Each process loads all of the command line, seconds on a busy machine.
vi.setConfig({ testTimeout: 180_000 });

const INTERVAL_MS = 1_000;
const never = new AbortController().signal;

const events = (count: number) => Array.from({ length: count }, () => eventRecord('tasks.event.created', taskOf()));

describe('ops lag', () => {
  let fixture: IndexerFixture;
  let reader: TopicReader;

  beforeAll(async () => {
    fixture = await createIndexerFixture({
      kafkaBrokers: inject('kafkaBrokers'),
      elasticsearchUrl: inject('elasticsearchUrl'),
    });
    await fixture.topics.produce(events(400));
    reader = await open(fixture.group);
  });
  afterAll(async () => {
    await reader.close();
    await fixture.close();
  });

  const open = (group: string) =>
    createTopicReader(readEnv(kafkaEnv, { KAFKA_BROKERS: inject('kafkaBrokers') }), {
      logger: createLogger({ service: 'test', level: 'silent' }),
      group,
      signal: AbortSignal.timeout(30_000),
    });
  const measure = async (each: TopicReader, group: string): Promise<LagReport> => {
    const report = await measureLag(each, {
      topic: fixture.topics.tasks,
      group,
      intervalMs: INTERVAL_MS,
      signal: never,
    });
    if (report === undefined) throw new Error('it was not measured');
    return report;
  };

  it('shows as many events as were planted, no member, and no end of a lag that does not shrink', async () => {
    const report = await measure(reader, fixture.group);
    expect(report.total).toEqual({ lag: 400, rateIn: 0, rateOut: 0, etaSeconds: null, unknown: 0 });
    expect(report.members).toEqual([]);
    expect(report.partitions.map(({ partition, committed }) => [partition, committed])).toEqual(
      [0, 1, 2, 3].map((partition) => [partition, null]),
    );
    expect(report.partitions.reduce((sum, { end }) => sum + (end ?? Number.NaN), 0)).toBe(400);
  });

  it('shows all that is there where the commit is of what is not there any more', async () => {
    const group = `ops-lag-${randomUUID()}`;
    const beyond = await open(group);
    try {
      const offsets = (await beyond.ends(fixture.topics.tasks)).map(({ partition, high }) => ({
        topic: fixture.topics.tasks,
        partition,
        offset: high + 1_000,
      }));
      await beyond.pollWhile(beyond.commit(offsets));
      expect((await measure(beyond, group)).total).toMatchObject({ lag: 400, rateOut: 0 });
    } finally {
      await beyond.close();
    }
  });

  it('ends with 2 when more than --max wait, 0 when not, and 1 when there is no such topic', async () => {
    const run = (...args: string[]) => runOps(['lag', '--interval', '0.1', ...args], fixture.env);
    const [over, under] = [await run('--max', '399', '--json'), await run('--max', '400')];
    expect(over.code).toBe(2);
    expect(jsonLines<LagReport>(over.stdout)[0]?.total.lag).toBe(400);
    expect(under.code).toBe(0);
    expect(under.stdout).toMatch(/total .*400/);
    const gone = await runOps(['lag'], { ...fixture.env, TASKS_TOPIC: 'not-there' });
    expect(gone).toMatchObject({ code: 1, stdout: '' });
    expect(gone.stderr).toContain('no topic not-there');
  });

  it('tells when a lag that shrinks will be gone, from what was committed and produced meanwhile', async () => {
    // A group whose commits the test makes itself, so that the figures are known.
    const group = `lag-${randomUUID()}`;
    const own = await open(group);
    try {
      const { tasks } = fixture.topics;
      const ends = await own.ends(tasks);
      const commit = (each: TopicReader, offset: number) =>
        each.pollWhile(each.commit(ends.map(({ partition }) => ({ topic: tasks, partition, offset }))));
      await commit(own, 10);
      const watcher = await open(group);
      try {
        // Between the two samples: the first one sees the 10, the second one the 50.
        let samples = 0;
        const committed: TopicReader['committed'] = async (...question) => {
          const answer = await watcher.committed(...question);
          samples += 1;
          if (samples === 1) await commit(own, 50);
          return answer;
        };
        const startedAt = performance.now();
        const report = await measureLag(
          { ...watcher, committed },
          { topic: tasks, group, intervalMs: INTERVAL_MS, signal: never },
        );
        const seconds = (performance.now() - startedAt) / 1_000;
        expect(samples).toBe(2);
        expect(report?.total.lag).toBe(400 - 4 * 50);
        expect(report?.total.rateIn).toBe(0);
        // 160 events in a second or more; the rest then takes the same rate.
        const { rateOut = 0, etaSeconds } = report?.total ?? {};
        expect(rateOut).toBeGreaterThan(160 / seconds);
        expect(rateOut).toBeLessThan(160 / 0.9);
        expect(etaSeconds).toBeCloseTo(200 / rateOut, 5);
      } finally {
        await watcher.close();
      }
    } finally {
      await own.close();
    }
  });

  it('is nothing when the indexers have caught up, and shows who reads each partition', async () => {
    await fixture.start();
    await fixture.settled();
    const report = await measure(reader, fixture.group);
    expect(report.total).toEqual({ lag: 0, rateIn: 0, rateOut: 0, etaSeconds: 0, unknown: 0 });
    expect(report.members).toHaveLength(1);
    expect(report.members[0]?.partitions).toEqual([0, 1, 2, 3]);
    for (const { member, end, committed } of report.partitions) {
      expect(member).toMatch(/^taskstream-indexer@/);
      expect(committed).toBe(end === 0 ? null : end);
    }
  });

  it('says in one sentence that no broker is there', async () => {
    const { code, stdout, stderr } = await runOps(['lag'], { KAFKA_BROKERS: '[::1]:1,127.0.0.1:1' });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.trim()).toMatch(/^Kafka does not answer at \[::1\]:1,127\.0\.0\.1:1 \(.*\): see .* KAFKA_BROKERS\.$/);
  });
});

describe('ops outbox', () => {
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

  const plant = (count: number, ageSeconds: number) =>
    database.pool.query(
      `INSERT INTO outbox (type, task_id, version, task, created_at)
       SELECT 'tasks.event.created', gen_random_uuid(), 1, '{}', clock_timestamp() - make_interval(secs => $2)
       FROM generate_series(1, $1)`,
      [count, ageSeconds],
    );
  const measure = async (): Promise<OutboxReport> => {
    const report = await measureOutbox(client, { intervalMs: INTERVAL_MS, signal: never });
    if (report === undefined) throw new Error('it was not measured');
    return report;
  };

  it('shows depth and age as they were planted, and that no relay is active', async () => {
    expect(await measure()).toMatchObject({ depth: 0, oldestAgeSeconds: null, etaSeconds: 0, relays: [] });
    await plant(300, 90);
    const report = await measure();
    expect(report).toMatchObject({ depth: 300, rateIn: 0, rateOut: 0, etaSeconds: null, relays: [] });
    expect(report.oldestAgeSeconds).toBeGreaterThan(90);
    expect(report.oldestAgeSeconds).toBeLessThan(150);
  });

  it('ends with 2 when --max or --max-age is exceeded', async () => {
    const env = { DATABASE_URL: database.url };
    const run = (...args: string[]) => runOps(['outbox', '--interval', '0.1', ...args], env);
    expect(await run('--max', '299')).toMatchObject({ code: 2 });
    expect(await run('--max-age', '80s')).toMatchObject({ code: 2 });
    const fine = await run('--max', '300', '--max-age', '1h', '--json');
    expect(fine.code).toBe(0);
    expect(jsonLines<OutboxReport>(fine.stdout)).toMatchObject([{ depth: 300, relays: [] }]);
    const away = await runOps(['outbox'], { DATABASE_URL: 'postgres://nobody:secret@127.0.0.1:1/none' });
    expect(away).toMatchObject({ code: 1, stdout: '' });
    expect(away.stderr).toContain('PostgreSQL does not answer');
    expect(away.stderr).not.toContain('secret');
  });

  it('tells when a shrinking outbox will be empty, and which relay has been active for how long', async () => {
    const relay = new Client({ connectionString: database.url });
    await relay.connect();
    try {
      await relay.query('SELECT pg_advisory_lock($1)', [RELAY_LOCK_KEY]);
      const { rows } = await relay.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      // Between the two samples 20 come and 120 go.
      let questions = 0;
      const ask = client.query.bind(client) as (...question: unknown[]) => Promise<unknown>;
      const query = async (...question: unknown[]): Promise<unknown> => {
        const answer = await ask(...question);
        questions += 1;
        if (questions === 1) {
          await plant(20, 0);
          await relay.query('DELETE FROM outbox WHERE id IN (SELECT id FROM outbox ORDER BY id LIMIT 120)');
        }
        return answer;
      };
      const watched = { query } as unknown as Client;
      const startedAt = performance.now();
      const report = await measureOutbox(watched, { intervalMs: INTERVAL_MS, signal: never });
      const seconds = (performance.now() - startedAt) / 1_000;
      expect(report?.depth).toBe(200);
      const { rateIn = 0, rateOut = 0, etaSeconds } = report ?? {};
      expect(rateOut / rateIn).toBeCloseTo(6, 5);
      expect(rateOut).toBeGreaterThan(120 / seconds);
      expect(rateOut).toBeLessThan(120 / 0.9);
      expect(etaSeconds).toBeCloseTo(200 / (rateOut - rateIn), 5);
      expect(report?.relays).toMatchObject([{ pid: rows[0]?.pid, address: '127.0.0.1', isHold: false, slots: 64 }]);
      expect(report?.relays[0]?.sessionSeconds).toBeGreaterThan(INTERVAL_MS / 1_000);
      expect(report?.relays[0]?.sessionSeconds).toBeLessThan(60);
    } finally {
      await relay.end();
    }
  });

  it('tells a relay from a hold that keeps publication back', async () => {
    const hold = await holdPublication(readEnv(postgresEnv, { DATABASE_URL: database.url }));
    expect((await measure()).relays).toMatchObject([{ isHold: true }]);
    await hold.release();
  });

  it('is watched until it is told to stop, and the last figure decides the exit code', async () => {
    const watch = startOps(['outbox', '--watch', '--json', '--interval', '0.1', '--max', '150'], {
      DATABASE_URL: database.url,
    });
    await waitFor('two figures', () => jsonLines(watch.stdout()).length >= 2);
    watch.child.kill('SIGTERM');
    const { code, stdout } = await watch.ended;
    expect(code).toBe(2);
    expect(jsonLines<OutboxReport>(stdout).every(({ depth }) => depth === 200)).toBe(true);
  });
});
