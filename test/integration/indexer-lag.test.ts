import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import kafka from '@confluentinc/kafka-javascript';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { openOffsets } from '../../services/pipeline/verify/offsets.ts';
import { connectClient, createNativeConsumer, disconnectConsumer } from '../../services/platform/kafka/native.ts';
import { readEnv } from '../../services/platform/env.ts';
import { kafkaEnv } from '../../services/platform/kafka/settings.ts';
import { createLogger } from '../../services/platform/logger.ts';
import { createKafkaWatch } from '../../services/api/console/kafka-watch.ts';
import { taskIn } from '../support/task.ts';
import { startOwnKafka, type OwnKafka } from '../support/embedded-kafka.ts';
import { eventRecord, taskOf } from '../support/events.ts';
import { failing } from '../support/health.ts';
import { createIndexerFixture, type IndexerFixture, type RunningIndexer } from '../support/indexer.ts';
import { runOps } from '../support/ops.ts';
import { killProcess, startService } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';

const LAG = 'taskstream_indexer_lag_events';
let fixture: IndexerFixture;
let admin: kafka.KafkaJS.Admin;
const client = (brokers: string) =>
  new kafka.KafkaJS.Kafka({ kafkaJS: { brokers: [brokers], logLevel: kafka.KafkaJS.logLevel.NOTHING } });
const open = async (brokers: string, partitions: number) => {
  fixture = await createIndexerFixture({
    kafkaBrokers: brokers,
    elasticsearchUrl: inject('elasticsearchUrl'),
    topics: { partitions, cleanup: 'delete' },
  });
  admin = client(brokers).admin();
  await admin.connect();
};
const close = async () => {
  await admin.disconnect();
  await fixture.close();
};
const events = (count: number) => Array.from({ length: count }, () => eventRecord('tasks.event.created', taskOf()));
const indexed = async (count: number) => {
  await waitFor(`${count} documents`, async () => (await fixture.index.versions()).size === count);
};
describe('lag is what is still to be read:', () => {
  beforeEach(() => open(inject('kafkaBrokers'), 1));
  afterEach(close);

  /** The gap is passed, by the indexer and for all who ask the broker. */
  const passed = async (indexer: RunningIndexer, end: number) => {
    await waitFor('the gap to be committed', async () => (await fixture.topics.committed(fixture.group)) === end);
    await waitFor('no lag', async () => (await indexer.metric(LAG)) === 0);
    expect(await failing(indexer.health.live)).toEqual([]);
    expect(await runOps(['lag', '--interval', '0.1', '--max', '0'], fixture.env)).toMatchObject({ code: 0 });
  };

  it.each(['commit', 'abort'] as const)("a transaction's marker (%s) is none", async (end) => {
    const indexer = await fixture.start({ STALL_TIMEOUT_MS: '11000' });
    const producer = client(inject('kafkaBrokers')).producer({ kafkaJS: { transactionalId: randomUUID() } });
    await producer.connect();
    const transaction = await producer.transaction();
    await transaction.send({
      topic: fixture.topics.tasks,
      messages: events(1).map(({ key, value }) => ({ key: key ?? null, value })),
    });
    await transaction[end]();
    await producer.disconnect();
    await passed(indexer, 2);
    expect((await fixture.index.versions()).size).toBe(end === 'commit' ? 1 : 0);
    // A new process, whose group has nothing to read, says the same.
    await indexer.close();
    await passed(await fixture.start({ STALL_TIMEOUT_MS: '11000' }), 2);
  });

  it('what stands behind an open transaction is some, for all who measure, and no stall', async () => {
    const indexer = await fixture.start({ STALL_TIMEOUT_MS: '11000' });
    const producer = client(inject('kafkaBrokers')).producer({
      kafkaJS: { transactionalId: randomUUID(), transactionTimeout: 600_000 },
    });
    await producer.connect();
    const transaction = await producer.transaction();
    const [{ key, value } = { key: null, value: null }] = events(1);
    await transaction.send({ topic: fixture.topics.tasks, messages: [{ key, value }] });
    await fixture.topics.produce(events(20));
    await waitFor('lag', async () => (await indexer.metric(LAG)) === 21);
    expect(await runOps(['lag', '--interval', '0.1', '--max', '20'], fixture.env)).toMatchObject({ code: 2 });
    const watch = createKafkaWatch({
      config: readEnv(kafkaEnv, fixture.env),
      task: taskIn(fixture.env),
      timeoutMs: 30_000,
      logger: createLogger({ service: 'test', level: 'silent' }),
    });
    expect((await watch.read()).partitions).toEqual([{ partition: 0, lag: 21 }]);
    await watch.close();
    const until = performance.now() + 15_000;
    while (performance.now() < until) {
      expect(await failing(indexer.health.live)).toEqual([]);
      await delay(250);
    }
    expect(await indexer.metric(LAG)).toBe(21);
    await transaction.commit();
    await producer.disconnect();
    await passed(indexer, 22);
    await indexed(21);
  });

  it('what was removed unread is none, also for verify', async () => {
    await fixture.topics.produce(events(3));
    const { tasks: topic } = fixture.topics;
    const offsets = await openOffsets(readEnv(kafkaEnv, fixture.env), { topic, group: fixture.group });
    try {
      const ends = await offsets.ends();
      expect(await offsets.hasReached(ends)).toBe(false);
      const first = await fixture.start();
      await fixture.settled();
      await first.close();
      await fixture.topics.produce(events(5));
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '8' }] });
      // Before any indexer came by again.
      expect(await offsets.hasReached(await offsets.ends())).toBe(true);
      await passed(await fixture.start(), 8);
    } finally {
      await offsets.close();
    }
  });
});

describe('a place in the group', () => {
  beforeEach(() => open(inject('kafkaBrokers'), 1));
  afterEach(close);

  it('is what readiness needs: a member with another assignment strategy is named until it leaves', async () => {
    const foreign = createNativeConsumer({
      'bootstrap.servers': inject('kafkaBrokers'),
      'group.id': fixture.group,
      'partition.assignment.strategy': 'range',
      'enable.auto.commit': false,
    });
    await connectClient(foreign, 10_000);
    foreign.setDefaultConsumeTimeout(100);
    foreign.subscribe([fixture.topics.tasks]);
    const polling = setInterval(() => {
      foreign.consume(1, () => undefined);
    }, 200);
    await waitFor('the other member to have the group', () => foreign.assignments().length === 1);
    const indexer = await fixture.start();
    await fixture.topics.produce(events(3));
    await waitFor('readiness to say why', async () =>
      /another assignment strategy/.test((await failing(indexer.health.ready)).join()),
    );
    expect(await failing(indexer.health.live)).toEqual([]);
    clearInterval(polling);
    await disconnectConsumer(foreign);
    await fixture.settled();
    await waitFor('readiness', async () => (await failing(indexer.health.ready)).length === 0);
    await indexed(3);
  });

  it('is none while there is no topic, and readiness says so until it is there again', async () => {
    const topic = fixture.topics.tasks;
    const indexer = await fixture.start();
    await waitFor('readiness', async () => (await failing(indexer.health.ready)).length === 0);
    await admin.deleteTopics({ topics: [topic] });
    await waitFor('readiness to say why', async () =>
      (await failing(indexer.health.ready)).join().includes(`no topic ${topic}`),
    );
    expect(await failing(indexer.health.live)).toEqual([]);
    await fixture.topics.make();
    await waitFor('readiness', async () => (await failing(indexer.health.ready)).length === 0);
  });

  it.each(['classic', 'consumer'] as const)(
    'is also one without partitions, in a group that is full (%s)',
    async (protocol) => {
      const first = await fixture.start({ GROUP_PROTOCOL: protocol });
      await waitFor(
        'the first to read',
        async () => (await first.metric('taskstream_indexer_assigned_partitions')) === 1,
      );
      const second = await fixture.start({ GROUP_PROTOCOL: protocol });
      await waitFor(
        'both to be ready',
        async () => (await failing([...first.health.ready, ...second.health.ready])).length === 0,
      );
      const assigned = await Promise.all(
        [first, second].map((each) => each.metric('taskstream_indexer_assigned_partitions')),
      );
      expect(assigned.reduce((sum, count) => sum + count, 0)).toBe(1);
    },
  );
});

describe('a topic that was deleted and created again', () => {
  const OLD = 6_000;
  const NEW = 300;
  beforeEach(() => open(inject('kafkaBrokers'), 12));
  afterEach(close);

  it.each([4, 12, 16])('with %i partitions is read on within a minute, or liveness fails', async (partitions) => {
    const indexer = await fixture.start();
    // More than the new topic will hold: Kafka's offsets do not say which topic they belong to.
    await fixture.topics.produce(events(OLD));
    await fixture.settled();
    await indexed(OLD);
    const topic = fixture.topics.tasks;
    await admin.deleteTopics({ topics: [topic] });
    await waitFor('the topic to be created again', async () =>
      admin.createTopics({ topics: [{ topic, numPartitions: partitions, replicationFactor: 1 }] }).then(() => true),
    );
    await waitFor('the events to be taken', async () => {
      await fixture.topics.produce(events(NEW));
      return true;
    });
    let live: string[] = [];
    await waitFor(
      'all to be indexed, or liveness to fail',
      async () => {
        live = await failing(indexer.health.live);
        return live.length > 0 || (await fixture.index.versions()).size >= OLD + NEW;
      },
      { timeoutMs: 120_000, intervalMs: 500 },
    );
    if (live.length > 0) {
      await indexer.close();
      await fixture.start();
    }
    await waitFor('all to be indexed', async () => (await fixture.index.versions()).size >= OLD + NEW);
  });
});

describe('while Kafka does not answer', () => {
  let own: OwnKafka;
  beforeAll(async () => {
    own = await startOwnKafka();
    await open(own.brokers, 4);
  });
  afterAll(async () => {
    own.resume();
    await close();
    await own.close();
  });

  it('an indexer with lag lives on, says nothing of its lag, and goes on afterwards', async () => {
    const { client: elasticsearch, index } = fixture.index;
    const indexer = await fixture.start({ STALL_TIMEOUT_MS: '11000' });
    await elasticsearch.indices.putSettings({ index, settings: { 'index.blocks.read_only_allow_delete': true } });
    await fixture.topics.produce(events(50));
    await waitFor('lag', async () => (await indexer.metric(LAG)) === 50);
    own.pause();
    await elasticsearch.indices.putSettings({ index, settings: { 'index.blocks.read_only_allow_delete': null } });
    const until = performance.now() + 25_000;
    while (performance.now() < until) {
      expect(await failing(indexer.health.live)).toEqual([]);
      await delay(250);
    }
    expect(await indexer.metric(LAG)).toBe(0);
    own.resume();
    await fixture.settled();
    await indexed(50);
    expect(await failing(indexer.health.live)).toEqual([]);
    await indexer.close();
  });

  it.each<[string, () => unknown, () => unknown]>([
    [
      'hangs',
      () => {
        own.pause();
      },
      () => {
        own.resume();
      },
    ],
    ['is dead', () => own.kill(), () => own.start()],
  ])('an indexer stops cleanly while Kafka %s and the answer to a commit is open', async (_, away, back) => {
    const committed = await fixture.topics.committed(fixture.group);
    await fixture.topics.produce(events(5_000));
    // Small batches, so that it still commits when Kafka has left.
    const service = await startService('indexer', {
      ...fixture.env,
      BATCH_MAX_EVENTS: '20',
      SESSION_TIMEOUT_MS: '6000',
    });
    try {
      await waitFor('some events to be committed', async () => {
        return (await fixture.topics.committed(fixture.group)) > committed + 100;
      });
      await away();
      await delay(2_000);
      service.child.kill('SIGTERM');
      expect(await service.exited).toEqual({ code: 0, signal: null });
    } finally {
      await killProcess(service);
      await back();
    }
  });
});
