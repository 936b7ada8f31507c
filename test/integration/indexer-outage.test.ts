import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { indexMapping } from '../../services/pipeline/index/search-index.ts';
import { taskEntity } from '../../services/task/entity.ts';
import { startOwnElasticsearch, type OwnElasticsearch } from '../support/embedded-elasticsearch.ts';
import { TEST_SETTINGS } from '../support/search-index.ts';
import { eventRecord, taskOf } from '../support/events.ts';
import { failing } from '../support/health.ts';
import { createIndexerFixture, type IndexerFixture, type RunningIndexer } from '../support/indexer.ts';
import { waitFor } from '../support/wait.ts';

const taskMapping = indexMapping(taskEntity);

let elasticsearch: OwnElasticsearch;
let fixture: IndexerFixture;
let indexer: RunningIndexer;
const BATCH = 200;

beforeAll(async () => {
  elasticsearch = await startOwnElasticsearch();
  fixture = await createIndexerFixture({
    kafkaBrokers: inject('kafkaBrokers'),
    elasticsearchUrl: elasticsearch.url,
  });
  indexer = await fixture.start({
    BATCH_MAX_EVENTS: String(BATCH),
    ELASTICSEARCH_TIMEOUT_MS: '10000',
    STALL_TIMEOUT_MS: '20000',
    DRAIN_DEADLINE_MS: '1000',
    // Shorter than the outage: who does not answer Kafka meanwhile is thrown out.
    SESSION_TIMEOUT_MS: '15000',
  });
}, 120_000);
afterAll(async () => {
  elasticsearch.resume();
  await fixture.close();
  await elasticsearch.close();
});

/** New tasks as events; returns their ids. */
const produce = async (count: number): Promise<string[]> => {
  const tasks = Array.from({ length: count }, () => taskOf());
  await fixture.topics.produce(tasks.map((task) => eventRecord('tasks.event.created', task)));
  return tasks.map(({ id }) => id);
};
const waitUntilRetrying = () =>
  waitFor('a retry', async () => (await indexer.metric('taskstream_indexer_retrying_operations')) > 0);

describe('while Elasticsearch is away, the indexer', () => {
  it('loses nothing and needs no restart when it is down for 20 s', async () => {
    await produce(10);
    await fixture.settled();
    await elasticsearch.kill();
    const ids = await produce(1_000);
    await waitUntilRetrying();
    const until = performance.now() + 20_000;
    let mostBuffered = 0;
    while (performance.now() < until) {
      mostBuffered = Math.max(mostBuffered, await indexer.metric('taskstream_indexer_buffered_events'));
      // An outage is said on readiness; liveness holds, as a restart would not help.
      expect(await failing(indexer.health.live)).toEqual([]);
      await delay(250);
    }
    expect((await failing(indexer.health.ready)).join()).toMatch(/elasticsearch: .*ECONNREFUSED/);
    expect(mostBuffered).toBeLessThanOrEqual(BATCH);
    await elasticsearch.start();
    await fixture.settled();
    const versions = await fixture.index.versions();
    expect(ids.filter((id) => !versions.has(id))).toEqual([]);
    expect(await failing(indexer.health.ready)).toEqual([]);
    // The group never threw this member out, so nothing was read twice.
    expect(await indexer.metric('taskstream_indexer_rebalances_total', { kind: 'lost' })).toBe(0);
    // A request that Elasticsearch took and was killed before it answered is sent again: stale, and still counted once.
    expect(await indexer.metric('taskstream_indexer_events_total')).toBe(10 + 1_000);
  });

  it('retries items that are refused with 429 until they go through', async () => {
    const { client, index } = fixture.index;
    // What Elasticsearch itself sets when the disk passes the flood-stage watermark; each item is refused with 429.
    await client.indices.putSettings({ index, settings: { 'index.blocks.read_only_allow_delete': true } });
    const ids = await produce(50);
    await waitUntilRetrying();
    expect((await failing(indexer.health.ready)).join()).toContain('cluster_block_exception');
    await client.indices.putSettings({ index, settings: { 'index.blocks.read_only_allow_delete': null } });
    await fixture.settled();
    const versions = await fixture.index.versions();
    expect(ids.filter((id) => !versions.has(id))).toEqual([]);
    expect(await indexer.metric('taskstream_indexer_dead_letters_total')).toBe(0);
  });

  it('says nothing of events that were given away to another indexer meanwhile', async () => {
    const { client, index } = fixture.index;
    const block = (on: true | null) =>
      client.indices.putSettings({ index, settings: { 'index.blocks.read_only_allow_delete': on } });
    const retrying = (of: RunningIndexer) => of.metric('taskstream_indexer_retrying_operations');
    for (const partition of [0, 1, 2, 3]) {
      await block(true);
      await fixture.topics.produce([{ ...eventRecord('tasks.event.created', taskOf()), partition }]);
      await waitUntilRetrying();
      const other = await fixture.start({ DRAIN_DEADLINE_MS: '1000' });
      await waitFor('the other to have a partition', async () => {
        return (await other.metric('taskstream_indexer_assigned_partitions')) > 0;
      });
      // Whoever has the partition now says what it waits for, and nobody else does.
      await waitFor('one of them to wait', async () => (await retrying(indexer)) + (await retrying(other)) === 1);
      const isGivenAway = (await retrying(other)) === 1;
      expect((await failing((isGivenAway ? other : indexer).health.ready)).join()).toContain('elasticsearch: ');
      expect(await failing((isGivenAway ? indexer : other).health.ready)).toEqual([]);
      await block(null);
      await fixture.settled();
      await other.close();
      if (isGivenAway) return;
    }
    expect.unreachable('each partition stayed where it was');
  });

  it('waits for an alias that is missing, and makes no index of its own', async () => {
    const { client, index, alias } = fixture.index;
    await client.indices.deleteAlias({ index, name: alias });
    const ids = await produce(20);
    await waitUntilRetrying();
    expect(await client.indices.exists({ index: alias })).toBe(false);
    await client.indices.putAlias({ index, name: alias });
    await fixture.settled();
    const versions = await fixture.index.versions();
    expect(ids.filter((id) => !versions.has(id))).toEqual([]);
  });

  it('stays alive while requests hang for longer than the stall timeout', async () => {
    const timeouts = () => indexer.metric('taskstream_indexer_retries_total');
    const before = await timeouts();
    const failures: string[] = [];
    elasticsearch.pause();
    try {
      await produce(5);
      await waitFor(
        'three requests to time out',
        async () => {
          failures.push(...(await failing(indexer.health.live)));
          return (await timeouts()) >= before + 3;
        },
        { timeoutMs: 120_000 },
      );
    } finally {
      elasticsearch.resume();
    }
    expect(failures).toEqual([]);
    await fixture.settled();
  });

  it('indexes after a mapping was repaired by a new index behind the alias', async () => {
    const { client, alias } = fixture.index;
    await client.indices.create({ index: `${alias}-000002`, settings: TEST_SETTINGS, mappings: taskMapping });
    await client.indices.updateAliases({
      actions: [{ remove: { index: fixture.index.index, alias } }, { add: { index: `${alias}-000002`, alias } }],
    });
    const ids = await produce(5);
    await fixture.settled();
    expect([...(await fixture.index.versions()).keys()].sort()).toEqual(ids.sort());
  });
});
