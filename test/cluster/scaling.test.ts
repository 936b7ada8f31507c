import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { KafkaProducer } from '../../services/platform/kafka/producer.ts';
import { TASKS_TOPIC } from '../../services/task/resources.ts';
import { eventRecord, taskOf } from '../support/events.ts';
import { createTestProducer, sendAll } from '../support/kafka.ts';
import { waitFor } from '../support/wait.ts';
import { getJson } from './support/cluster.ts';
import { watchPods, type PodWatch } from './support/pods.ts';
import { deployProduct, type Product } from './support/product.ts';

/** Enough to keep six indexers on two cores busy while they come up. */
const EVENTS = 150_000;
const CHUNK = 5_000;

let product: Product;
let producer: KafkaProducer;
let pods: PodWatch;
let produced = 0;

beforeAll(async () => {
  product = await deployProduct();
  producer = await createTestProducer({ KAFKA_BROKERS: product.kafkaBrokers });
  pods = watchPods(product.namespace, 'app.kubernetes.io/component=indexer');
}, 400_000);
afterAll(async () => {
  pods.close();
  await producer.disconnect(1_000);
  await product.close();
});

/** One event for each of `count` tasks: one that is delivered twice is refused by the index as a version conflict. */
const produce = async (count: number): Promise<void> => {
  for (let sent = 0; sent < count; sent += CHUNK) {
    const records = Array.from({ length: Math.min(CHUNK, count - sent) }, () =>
      eventRecord('tasks.event.created', taskOf()),
    );
    await sendAll(producer, TASKS_TOPIC, records);
    produced += records.length;
  }
};

const indexed = async (): Promise<number> => {
  const answer = await fetch(`${product.elasticsearchUrl}/tasks/_count`);
  return ((await answer.json()) as { count: number }).count;
};
/** What Elasticsearch itself counted of writes that came twice. */
const conflicts = async (): Promise<number> => {
  const answer = await fetch(`${product.elasticsearchUrl}/tasks/_stats/indexing`);
  const { _all: all } = (await answer.json()) as {
    _all: { primaries: { indexing: { index_failed_due_to_version_conflict: number } } };
  };
  return all.primaries.indexing.index_failed_due_to_version_conflict;
};
const wantedReplicas = async (): Promise<number> =>
  (await getJson('-n', product.namespace, 'deployment', 'taskstream-indexer')).spec.replicas as number;

/** Follows the number of replicas until it has been `last` for some time; every change in order. */
const follow = async (least: number, last: number, timeoutMs: number): Promise<number[]> => {
  const steps: number[] = [];
  await waitFor(
    `${least} replicas, and then ${last}`,
    async () => {
      const replicas = await wantedReplicas();
      if (replicas !== steps.at(-1)) steps.push(replicas);
      if (replicas === last && Math.max(...steps) >= least) return true;
      throw new Error(`so far: ${steps.join(', ')}; ${await indexed()} of ${produced} indexed`);
    },
    { timeoutMs, intervalMs: 300 },
  );
  // Long enough for the autoscalers to think again, several times.
  for (let poll = 0; poll < 40; poll += 1) {
    await sleep(500);
    const replicas = await wantedReplicas();
    if (replicas !== steps.at(-1)) steps.push(replicas);
  }
  return steps;
};

it('lag brings one indexer for each partition, and takes them away again: nothing lost, nothing delivered twice', async () => {
  const { partitions } = product.environment.topic;
  await waitFor('one indexer', async () => (await wantedReplicas()) === 1, { timeoutMs: 180_000 });
  const following = follow(partitions, 1, 400_000);
  await produce(EVENTS);
  const steps = await following;
  const top = steps.indexOf(partitions);
  expect(Math.max(...steps)).toBe(partitions);
  // Up to the top and down again, and nowhere back: no flapping.
  expect(steps.slice(0, top + 1)).toEqual([...steps.slice(0, top + 1)].sort((a, b) => a - b));
  expect(steps.slice(top)).toEqual([...steps.slice(top)].sort((a, b) => b - a));
  expect(steps.at(-1)).toBe(1);

  await waitFor('everything to be indexed', async () => (await indexed()) === produced);
  expect(await conflicts()).toBe(0);
  await waitFor('the pods that went to have ended', () => pods.exits.size >= partitions - 1, {
    timeoutMs: 120_000,
  });
  expect([...pods.exits.values()].map(({ exitCode }) => exitCode)).toEqual([...pods.exits].map(() => 0));
}, 600_000);

it('with minReplicas 0 the indexer sleeps while the topic is quiet, and one event wakes it', async () => {
  await product.kubectl(
    ...['patch', 'scaledobject', 'taskstream-indexer', '--type=merge', '-p'],
    JSON.stringify({ spec: { minReplicaCount: 0 } }),
  );
  await waitFor('no indexer to be left', async () => (await wantedReplicas()) === 0, { timeoutMs: 180_000 });
  await produce(1);
  await waitFor('the event to be indexed', async () => (await indexed()) === produced, {
    timeoutMs: 180_000,
    intervalMs: 500,
  });
  await waitFor('no indexer to be left', async () => (await wantedReplicas()) === 0, { timeoutMs: 180_000 });
  expect(await conflicts()).toBe(0);
}, 600_000);
