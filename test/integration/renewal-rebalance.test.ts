/** A consumer whose login is renewed while a batch is in flight, and what else happens to its group meanwhile. */
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { eventRecord, taskOf } from '../support/events.ts';
import { createHttpProxy, type HttpProxy } from '../support/http-proxy.ts';
import { createIndexerFixture, type IndexerFixture, type RunningIndexer } from '../support/indexer.ts';
import { waitFor } from '../support/wait.ts';

const PARTITIONS = 6;
/** The batch in flight takes as long as the test wants. */
const PATIENT = {
  ELASTICSEARCH_TIMEOUT_MS: '200000',
  STALL_TIMEOUT_MS: '300000',
  DRAIN_DEADLINE_MS: '200000',
  SHUTDOWN_DEADLINE_MS: '250000',
};

let fixture: IndexerFixture;
let proxy: HttpProxy;
/** Writes to the index that do not go on. */
let held: (() => void)[] = [];
let isHolding = false;
let brokers = '';
let lines: { readonly client?: string; readonly msg: string }[] = [];

beforeEach(async () => {
  [held, isHolding, brokers, lines] = [[], false, inject('kafkaBrokers'), []];
  fixture = await createIndexerFixture({
    kafkaBrokers: inject('kafkaBrokers'),
    elasticsearchUrl: inject('elasticsearchUrl'),
    topics: { partitions: PARTITIONS },
  });
  proxy = await createHttpProxy(inject('elasticsearchUrl'), {
    before: async (_, path) => {
      if (isHolding && path.includes('_bulk')) await new Promise<void>((resolve) => held.push(resolve));
      return true;
    },
  });
});
afterEach(async () => {
  release();
  await fixture.close();
  await proxy.close();
});

const release = (): void => {
  isHolding = false;
  for (const goOn of held.splice(0)) goOn();
};

const logger = pino(
  { level: 'info' },
  new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(JSON.parse(chunk.toString()) as (typeof lines)[number]);
      done();
    },
  }),
);
const takenOver = () => lines.filter(({ client, msg }) => client === 'taskstream-indexer' && /took over/.test(msg));

const produce = (count: number) =>
  fixture.topics.produce(Array.from({ length: count }, () => eventRecord('tasks.event.created', taskOf())));

const assigned = (indexer: RunningIndexer) => indexer.metric('taskstream_indexer_assigned_partitions');

/** An indexer with a batch in flight, for which the renewal of its login waits. */
const startRenewal = async (env: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<RunningIndexer> => {
  const indexer = await fixture.start(
    { ...env, ...PATIENT, ELASTICSEARCH_URL: proxy.url },
    { brokers: () => brokers, logger, ...(signal === undefined ? {} : { signal }) },
  );
  // Batches grow from the first record.
  await produce(100);
  await fixture.settled();
  isHolding = true;
  await produce(200);
  await waitFor('a batch in flight', () => held.length > 0);
  // The same broker once more.
  brokers = `${brokers},${brokers}`;
  await waitFor('the renewal to hand over', async () => (await assigned(indexer)) === 0);
  return indexer;
};

it.each(['classic', 'consumer'])(
  'a member that joins while a renewal waits for a batch in flight gets its partitions after the commit, and no event twice: %s',
  async (protocol) => {
    const env = { GROUP_PROTOCOL: protocol };
    const first = await startRenewal(env);
    const second = await fixture.start(env);
    await waitFor('both to be in the group', async () => (await fixture.describeGroup()).members.length === 2);
    // The group gives it half of the partitions, and they are not let go: a moment in which it would get them.
    const early = waitFor('a partition', async () => (await assigned(second)) > 0, { timeoutMs: 4_000 });
    await expect(early).rejects.toThrow();
    release();
    await produce(100);
    await fixture.settled();
    await waitFor('both to have their half', async () =>
      (await Promise.all([first, second].map(assigned))).every((count) => count === PARTITIONS / 2),
    );
    await produce(100);
    await fixture.settled();
    const sum = async (outcome: string): Promise<number> => {
      const counts = await Promise.all(
        [first, second].map((each) => each.metric('taskstream_indexer_events_total', { outcome })),
      );
      return counts.reduce((total, count) => total + count, 0);
    };
    expect([await sum('stale'), await sum('indexed')]).toEqual([0, 500]);
    expect((await fixture.index.versions()).size).toBe(500);
    expect(takenOver()).toHaveLength(1);
  },
);

it('a renewal that a stop ends is not told as one that took over', async () => {
  const stop = new AbortController();
  const indexer = await startRenewal({}, stop.signal);
  stop.abort();
  const closed = indexer.close();
  release();
  await closed;
  expect(takenOver()).toEqual([]);
});
