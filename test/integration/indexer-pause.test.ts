import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, inject, it } from 'vitest';
import { eventRecord, taskOf } from '../support/events.ts';
import { createIndexerFixture, type IndexerFixture, type RunningIndexer } from '../support/indexer.ts';
import { createTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait.ts';

const PARTITIONS = 4;
let fixture: IndexerFixture;
let proxy: TcpProxy;

beforeAll(async () => {
  proxy = await createTcpProxy(Number(new URL(inject('elasticsearchUrl')).port));
  fixture = await createIndexerFixture({
    kafkaBrokers: inject('kafkaBrokers'),
    elasticsearchUrl: inject('elasticsearchUrl'),
    topics: { partitions: PARTITIONS },
  });
});
afterAll(async () => {
  proxy.restore();
  await fixture.close();
  await proxy.close();
});

const produce = () =>
  fixture.topics.produce(Array.from({ length: 60 }, () => eventRecord('tasks.event.created', taskOf())));
const assigned = (indexer: RunningIndexer, count: number) =>
  waitFor(
    `${count} partitions`,
    async () => (await indexer.metric('taskstream_indexer_assigned_partitions')) === count,
  );

it('reads on in partitions that left while it was paused, and came back when it was not', async () => {
  const first = await fixture.start({
    ELASTICSEARCH_URL: `http://127.0.0.1:${proxy.port}`,
    // Its batch cannot finish: it is left to the next owner at once.
    DRAIN_DEADLINE_MS: '200',
    // Full, so that the next batch is read no further.
    BATCH_MAX_EVENTS: '50',
  });
  await assigned(first, PARTITIONS);
  proxy.cut();
  await produce();
  await waitFor('a retry', async () => (await first.metric('taskstream_indexer_retrying_operations')) > 0);
  await produce();
  await waitFor('a batch behind it', async () => (await first.metric('taskstream_indexer_buffered_events')) > 0);
  // A second later it pauses; nothing shows that from outside.
  await delay(2_000);
  const second = await fixture.start();
  await assigned(second, PARTITIONS / 2);
  proxy.restore();
  await fixture.settled();
  await second.close();
  await assigned(first, PARTITIONS);
  await produce();
  await fixture.settled();
});
