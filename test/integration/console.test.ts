import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Sample } from '../../services/api/console/sample.ts';
import { openEventStream, type EventStreamClient } from '../support/event-stream.ts';
import { call, createPipeline, createTask, type Pipeline } from '../support/pipeline.ts';
import { killProcess, startService, stopProcess, type ServiceProcess } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';

let pipeline: Pipeline;
let api: ServiceProcess;

beforeAll(async () => {
  pipeline = await createPipeline();
  api = await pipeline.startApi({ CONSOLE: 'true', TRUST_PROXY: 'true' });
});
const opened: EventStreamClient[] = [];
// One that a failed test has left open would take a place in the next one.
afterEach(() => {
  for (const stream of opened.splice(0)) stream.close();
});
afterAll(() => pipeline.close());

const streamOf = async (
  service: ServiceProcess,
  headers: Readonly<Record<string, string>> = {},
): Promise<EventStreamClient> => {
  const stream = await openEventStream(`http://127.0.0.1:${service.port}/console/events`, headers);
  opened.push(stream);
  return stream;
};

const nextSample = async (stream: EventStreamClient): Promise<Sample> => {
  for (;;) {
    const found = await stream.next();
    if (found === undefined) throw new Error('the stream has ended');
    if (found.event === 'sample') return found.data as Sample;
  }
};

/** The first sample that `test` accepts. */
const sampleWith = (what: string, stream: EventStreamClient, test: (sample: Sample) => boolean): Promise<Sample> =>
  waitFor(what, async () => {
    const sample = await nextSample(stream);
    return test(sample) && sample;
  });

const lagOf = ({ kafka }: Sample): number =>
  kafka.up ? kafka.partitions.reduce((sum, { lag }) => sum + (lag ?? Number.NaN), 0) : Number.NaN;

describe('the console', () => {
  it('is not there unless it is turned on', async () => {
    const plain = await pipeline.startApi();
    for (const path of ['/console', '/console/main.js', '/console/events']) {
      expect((await call(plain, 'GET', path)).status).toBe(404);
    }
    await killProcess(plain);
  });

  it('has a page that nobody may frame, and is no part of the API that is documented', async () => {
    const page = await fetch(`http://127.0.0.1:${api.port}/console`);
    const policy = page.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    expect((await call(api, 'GET', '/console/..%2fconfig.ts')).status).toBe(404);
    expect(JSON.stringify((await call(api, 'GET', '/openapi.json')).body)).not.toContain('console');
  });

  it('tells outbox, lag, replicas, dead letters and latency as they are', async () => {
    const stream = await streamOf(api);
    expect(stream.headers.get('content-type')).toContain('text/event-stream');
    expect(stream.headers.get('cache-control')).toContain('no-store');
    expect(stream.headers.get('x-accel-buffering')).toBe('no');
    // Not the very first: a broker that nobody has asked for a group yet may have no coordinator for it.
    const first = await sampleWith('both servers', stream, ({ outbox, kafka }) => outbox.up && kafka.up);
    expect(first).toMatchObject({ outbox: { depth: 0 }, kafka: { deadLetters: 0 } });
    await sampleWith('that there is no replica', stream, ({ kafka }) => kafka.up && kafka.members === 0);

    for (let i = 0; i < 30; i += 1) await createTask(api, `waits ${i}`);
    const waiting = await sampleWith('a lag of 30', stream, (sample) => lagOf(sample) === 30);
    expect(waiting.kafka).toMatchObject({ up: true, end: 30, done: 0 });
    expect(waiting.kafka.up && waiting.kafka.partitions.map(({ partition }) => partition)).toEqual([0, 1, 2, 3]);
    expect(waiting.latency.pendingMs).toBeGreaterThan(0);

    const indexer = await pipeline.startIndexer();
    const caughtUp = await sampleWith('no lag', stream, (sample) => lagOf(sample) === 0);
    expect(caughtUp.kafka).toMatchObject({ done: 30 });
    await sampleWith('one replica', stream, ({ kafka }) => kafka.up && kafka.members === 1);
    await sampleWith('all documents', stream, ({ index }) => index.up && index.documents === 30);
    const measured = await sampleWith('a latency', stream, ({ latency }) => latency.lastMs !== null);
    expect(measured.latency.lastMs).toBeGreaterThan(0);

    await pipeline.topics.produce([{ key: 'poison', value: Buffer.from('{'), headers: [] }]);
    await sampleWith('the dead letter', stream, ({ kafka }) => kafka.up && kafka.deadLetters === 1);
    stream.close();
    await stopProcess(indexer);
  });

  it('shows a server that is down as down, and the others as they are', async () => {
    // It is not ready for clients without search, and shows what is missing all the same.
    const cutOff = await startService('api', {
      ...pipeline.env,
      CONSOLE: 'true',
      KAFKA_BROKERS: '127.0.0.1:1',
      ELASTICSEARCH_URL: 'http://127.0.0.1:1',
    });
    await waitFor('the console', async () => (await fetch(`http://127.0.0.1:${cutOff.port}/console`)).ok);
    const stream = await streamOf(cutOff);
    const sample = await sampleWith(
      'the outbox alone',
      stream,
      ({ outbox, kafka, index }) => outbox.up && !kafka.up && !index.up,
    );
    expect(sample).toMatchObject({
      outbox: { up: true },
      kafka: { up: false, reason: 'does not answer' },
      index: { up: false, reason: 'does not answer' },
      topicRate: null,
    });
    expect((await fetch(`http://127.0.0.1:${cutOff.port}/console`)).status).toBe(200);
    stream.close();
    await killProcess(cutOff);
  });

  it('tells a topic that is missing from a broker that is away', async () => {
    const elsewhere = await pipeline.startApi({ CONSOLE: 'true', TASKS_TOPIC: `not-there-${pipeline.topics.tasks}` });
    const stream = await streamOf(elsewhere);
    await sampleWith('the reason', stream, ({ kafka }) => !kafka.up && kafka.reason === 'shows no such topic');
    stream.close();
    await killProcess(elsewhere);
  });

  it('asks the servers only while somebody watches', async () => {
    const askedAt = async (): Promise<unknown> => {
      const { rows } = await pipeline.database.pool.query<{ at: unknown }>(
        `SELECT max(query_start) AS at FROM pg_stat_activity
         WHERE application_name = 'taskstream-api' AND datname = current_database()
           -- The bound on the outbox is looked at all the time.
           AND query NOT LIKE '%pg_stat_get_live_tuples%'`,
      );
      return String(rows[0]?.at);
    };
    const stream = await streamOf(api);
    const before = await askedAt();
    await waitFor('the next question', async () => (await askedAt()) !== before);
    stream.close();
    await waitFor('no more questions', async () => {
      const last = await askedAt();
      await sleep(1_500);
      return (await askedAt()) === last;
    });
  });

  it('opens 50 streams and no more, and another one when one has ended', async () => {
    const from = (client: number) => ({ 'x-forwarded-for': `192.0.2.${client}` });
    const streams = await Promise.all(Array.from({ length: 50 }, (_, i) => streamOf(api, from(i % 5))));
    expect(streams.map(({ status }) => status)).toEqual(streams.map(() => 200));
    const refused = await call(api, 'GET', '/console/events', undefined, from(6));
    expect(refused).toMatchObject({ status: 503, body: { code: 'console_unavailable' } });
    streams[0]?.close();
    const another = await waitFor('a free place', async () => {
      const stream = await streamOf(api);
      return stream.status === 200 && stream;
    });
    for (const stream of [...streams, another]) stream.close();
  });

  it('leaves streams for others when one client has opened all that it may have', async () => {
    const own = await Promise.all(Array.from({ length: 20 }, () => streamOf(api, { 'x-forwarded-for': '192.0.2.1' })));
    expect(own.filter(({ status }) => status === 200)).toHaveLength(12);
    const other = await streamOf(api, { 'x-forwarded-for': '192.0.2.2' });
    expect(other.status).toBe(200);
    for (const stream of [...own, other]) stream.close();
  });

  it('opens no stream for the page of another site', async () => {
    const foreign = await streamOf(api, { 'sec-fetch-site': 'cross-site' });
    expect(foreign.status).toBe(403);
    foreign.close();
  });

  it('ends its streams at once when the API is stopped, while requests are still answered', async () => {
    const second = await pipeline.startApi({ CONSOLE: 'true', DRAIN_DELAY_MS: '12000' });
    const streams = await Promise.all([streamOf(second), streamOf(second)]);
    for (const stream of streams) await nextSample(stream);
    const exited = stopProcess(second);
    for (const stream of streams) while ((await stream.next()) !== undefined);
    // The delay is not over.
    expect((await call(second, 'GET', '/tasks?limit=1')).status).toBe(200);
    expect((await call(second, 'GET', '/console/events')).status).toBe(503);
    expect(await exited).toEqual({ code: 0, signal: null });
  });
});
