import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import kafka from '@confluentinc/kafka-javascript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findJdk } from '../../infra/local/bootstrap/jdk.mjs';
import { kafkaHome } from '../../infra/local/jars.ts';
import { runTool } from '../../infra/local/maven.ts';
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

describe('with minReplicas 0', () => {
  const annotate = (annotation: string) =>
    product.kubectl('annotate', 'scaledobject', 'taskstream-indexer', annotation);
  const woken = () =>
    waitFor('an indexer to be wanted', async () => (await wantedReplicas()) > 0, {
      timeoutMs: 180_000,
      intervalMs: 300,
    });
  const asleep = () =>
    waitFor('no indexer to be left', async () => (await wantedReplicas()) === 0, { timeoutMs: 180_000 });
  const allIndexed = () =>
    waitFor('the events to be indexed', async () => (await indexed()) === produced, {
      timeoutMs: 180_000,
      intervalMs: 500,
    });
  const client = () =>
    new kafka.KafkaJS.Kafka({
      kafkaJS: { brokers: [product.kafkaBrokers], logLevel: kafka.KafkaJS.logLevel.NOTHING },
    });

  beforeAll(async () => {
    await product.kubectl(
      ...['patch', 'scaledobject', 'taskstream-indexer', '--type=merge', '-p'],
      JSON.stringify({ spec: { minReplicaCount: 0 } }),
    );
    await asleep();
  }, 200_000);

  it('the indexer sleeps while the topic is quiet, and one event wakes it', async () => {
    await produce(1);
    await allIndexed();
    await asleep();
    expect(await conflicts()).toBe(0);
  }, 600_000);

  // Its offset is the last of the partition, and no consumer ever sees it.
  it("the indexer sleeps again behind the marker of another producer's transaction", async () => {
    const other = client().producer({ kafkaJS: { transactionalId: randomUUID() } });
    await other.connect();
    const transaction = await other.transaction();
    const { key, value } = eventRecord('tasks.event.created', taskOf());
    await transaction.send({ topic: TASKS_TOPIC, messages: [{ key: key ?? null, value }] });
    await transaction.commit();
    await other.disconnect();
    produced += 1;
    await allIndexed();
    await asleep();
  }, 600_000);

  it('the indexer sleeps again behind records that were removed before it read them', async () => {
    await annotate('autoscaling.keda.sh/paused=true');
    const before = await indexed();
    await sendAll(
      producer,
      TASKS_TOPIC,
      Array.from({ length: 50 }, () => eventRecord('tasks.event.created', taskOf())),
    );
    // As retention does it, which this topic has none of.
    const jdk = findJdk();
    await runTool(jdk.java, [
      ...['-cp', (await kafkaHome(jdk)).classpath, 'kafka.admin.ConfigCommand', '--bootstrap-server'],
      ...[product.kafkaBrokers, '--alter', '--entity-type', 'topics', '--entity-name', TASKS_TOPIC],
      ...['--add-config', 'cleanup.policy=[compact,delete]'],
    ]);
    const admin = client().admin();
    await admin.connect();
    const partitions = (await admin.fetchTopicOffsets(TASKS_TOPIC)).map(({ partition, high }) => ({
      partition,
      offset: high,
    }));
    await admin.deleteTopicRecords({ topic: TASKS_TOPIC, partitions });
    await admin.disconnect();
    expect(await wantedReplicas()).toBe(0);

    await annotate('autoscaling.keda.sh/paused-');
    await woken();
    await asleep();
    expect(await indexed()).toBe(before);
  }, 600_000);
});
