/** A broker that does not share partitions out itself, as before Kafka 4.0, and indexers that ask it to. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { startOwnKafka, type OwnKafka } from '../support/embedded-kafka.ts';
import { eventRecord, taskOf } from '../support/events.ts';
import { failing } from '../support/health.ts';
import { createIndexerFixture, type IndexerFixture } from '../support/indexer.ts';
import { waitFor } from '../support/wait.ts';

const PROTOCOLS = 'group.coordinator.rebalance.protocols';
let kafka: OwnKafka;
let fixture: IndexerFixture;
beforeAll(async () => {
  kafka = await startOwnKafka(undefined, () => ({ [PROTOCOLS]: 'classic' }));
  fixture = await createIndexerFixture({ kafkaBrokers: kafka.brokers, elasticsearchUrl: inject('elasticsearchUrl') });
}, 120_000);
afterAll(async () => {
  await fixture.close();
  await kafka.close();
});

it('an indexer says so and is not ready, and reads as soon as the broker can', async () => {
  const indexer = await fixture.start({ GROUP_PROTOCOL: 'consumer' });
  await fixture.topics.produce([eventRecord('tasks.event.created', taskOf())]);
  const isRefused = async () => (await failing(indexer.health.ready)).join().includes('GROUP_PROTOCOL=classic');
  await waitFor('readiness to say what to do', isRefused);
  // A new client that is refused too changes nothing.
  for (let time = 0; time < 10; time += 1) {
    expect((await failing(indexer.health.ready)).join()).toContain('cannot be joined');
    await delay(300);
  }

  await kafka.kill();
  await kafka.start({ [PROTOCOLS]: 'classic,consumer' });
  await fixture.settled();
  expect(await failing(indexer.health.ready)).toEqual([]);
}, 180_000);
