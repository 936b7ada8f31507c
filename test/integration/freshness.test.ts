import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { indexerWaitMs } from '../../services/pipeline/freshness.ts';
import { eventRecord, taskOf } from '../support/events.ts';
import { createHttpProxy, type HttpProxy } from '../support/http-proxy.ts';
import { createIndexerFixture, type IndexerFixture } from '../support/indexer.ts';
import { waitFor } from '../support/wait.ts';

const FORBIDDEN = 403;
const SEARCHABLE = 'taskstream_indexer_event_to_searchable_seconds';
const refreshes: number[] = [];
let mayRefresh: boolean;
let fixture: IndexerFixture;
let proxy: HttpProxy;

beforeEach(async () => {
  mayRefresh = true;
  refreshes.length = 0;
  const elasticsearchUrl = inject('elasticsearchUrl');
  proxy = await createHttpProxy(elasticsearchUrl, {
    refuse: (_, path) => {
      if (!path.endsWith('/_refresh')) return undefined;
      refreshes.push(performance.now());
      return mayRefresh ? undefined : FORBIDDEN;
    },
  });
  fixture = await createIndexerFixture({
    kafkaBrokers: inject('kafkaBrokers'),
    elasticsearchUrl,
    // It shows nothing by itself, so that what is found was shown by the indexer.
    index: { refreshInterval: '-1' },
  });
});
afterEach(async () => {
  await fixture.close();
  await proxy.close();
});

const start = (env: Readonly<Record<string, string>>) => fixture.start({ ELASTICSEARCH_URL: proxy.url, ...env });
const produce = (count: number) =>
  fixture.topics.produce(Array.from({ length: count }, () => eventRecord('tasks.event.created', taskOf())));
const found = async (count: number) => {
  const { client, alias } = fixture.index;
  await waitFor(`${count} to be found`, async () => (await client.count({ index: alias })).count === count);
};

it('a change that comes alone is found at once, and the changes of a steady load in few batches', async () => {
  const indexer = await start({ FRESHNESS_TARGET_MS: '1000' });
  await produce(1);
  await found(1);
  const batches = () => indexer.metric('taskstream_indexer_batch_events_count');
  const before = await batches();
  refreshes.length = 0;
  const startedAt = performance.now();
  for (let turn = 0; turn < 100; turn += 1) {
    await produce(1);
    await delay(30);
  }
  await found(101);
  // At most one each time, by the setting.
  const most = Math.ceil((performance.now() - startedAt) / indexerWaitMs(1_000)) + 1;
  expect((await batches()) - before).toBeLessThanOrEqual(most);
  expect(refreshes.length).toBeLessThanOrEqual(most);
});

it('a batch that is full waits for nothing', async () => {
  await start({ FRESHNESS_TARGET_MS: '10000', BATCH_MAX_EVENTS: '10' });
  await produce(200);
  await waitFor('most to be indexed', async () => (await fixture.index.versions()).size >= 190, { timeoutMs: 30_000 });
});

it('an indexer that may not refresh asks once, and goes on', async () => {
  mayRefresh = false;
  const indexer = await start({ FRESHNESS_TARGET_MS: '100' });
  for (let turn = 0; turn < 5; turn += 1) {
    await produce(1);
    await fixture.settled();
  }
  await delay(500);
  expect(refreshes.length).toBe(1);
  expect(await indexer.metric('taskstream_indexer_events_total', { outcome: 'indexed' })).toBe(5);
});

it('says how soon changes were found, and how many of them late', async () => {
  const indexer = await start({ FRESHNESS_TARGET_MS: '200', FRESHNESS_OBJECTIVE_MS: '20' });
  // Their time is long ago.
  await produce(3);
  await found(3);
  await waitFor('them to be counted', async () => (await indexer.metric(`${SEARCHABLE}_count`)) === 3);
  expect(await indexer.metric('taskstream_indexer_changes_late_total')).toBe(3);
});

it("counts with the index's own timer where nobody refreshes", async () => {
  mayRefresh = false;
  const indexer = await start({ INDEX_REFRESH_INTERVAL: '300ms' });
  await produce(1);
  await fixture.settled();
  await delay(400);
  expect(await indexer.metric(`${SEARCHABLE}_count`)).toBe(0);
  await produce(1);
  await waitFor('the first to be counted', async () => (await indexer.metric(`${SEARCHABLE}_count`)) === 1);
});
