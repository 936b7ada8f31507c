import { setTimeout as delay } from 'node:timers/promises';
import kafka from '@confluentinc/kafka-javascript';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { userNameOf, type Acl, type KafkaClient } from '../../infra/constructs/kafka.ts';
import { createTopics } from '../../infra/local/topics.ts';
import {
  FATAL_FACILITY,
  connectClient,
  connectPatiently,
  createNativeConsumer,
  createNativeProducer,
  disconnectConsumer,
  type LogEvent,
} from '../../services/platform/kafka/native.ts';
import { createLogger } from '../../services/platform/logger.ts';
import { wrapProducer } from '../../services/platform/kafka/producer-client.ts';
import { DEAD_LETTER_TOPIC, INDEXER_GROUP, TASKS_TOPIC } from '../../services/task/resources.ts';
import { startAuthorizedKafka, type AuthorizedKafka } from '../support/authorized-kafka.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventRecord, taskOf } from '../support/events.ts';
import { createTestProducer, sendAll } from '../support/kafka.ts';
import { createTask, search } from '../support/pipeline.ts';
import { runOps } from '../support/ops.ts';
import { killProcess, startService, stopProcess, type ServiceProcess } from '../support/process.ts';
import { createTestIndex, type TestIndex } from '../support/search-index.ts';
import { waitFor } from '../support/wait.ts';

let broker: AuthorizedKafka;
let database: TestDatabase;
let index: TestIndex;
const running: ServiceProcess[] = [];

beforeAll(async () => {
  broker = await startAuthorizedKafka();
  await createTopics(broker.plain, { partitions: 3 });
  [database, index] = await Promise.all([
    createTestDatabase(inject('databaseUrl')),
    createTestIndex(inject('elasticsearchUrl')),
  ]);
});
afterAll(async () => {
  await Promise.all(running.map(killProcess));
  await Promise.all([database.close(), index.close()]);
  await broker.close();
});

const credentials = (client: KafkaClient) => ({
  KAFKA_BROKERS: `127.0.0.1:${broker.port}`,
  KAFKA_TLS: 'true',
  KAFKA_CA_FILE: broker.caFile,
  KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
  KAFKA_SASL_USERNAME: userNameOf(client),
  KAFKA_SASL_PASSWORD: broker.passwordOf(client),
});
const start = async (
  service: 'api' | 'indexer',
  client: KafkaClient = service,
  env: Readonly<Record<string, string>> = {},
) => {
  const process = await startService(service, {
    ...env,
    ...credentials(client),
    DATABASE_URL: database.url,
    ELASTICSEARCH_URL: inject('elasticsearchUrl'),
    TASK_INDEX: index.alias,
    LOG_LEVEL: 'warn',
  });
  running.push(process);
  return process;
};
/** Settings of librdkafka for a client of the manifests. */
const settings = (client: KafkaClient) => ({
  'bootstrap.servers': `127.0.0.1:${broker.port}`,
  'security.protocol': 'sasl_ssl',
  'ssl.ca.location': broker.caFile,
  'sasl.mechanisms': 'SCRAM-SHA-512',
  'sasl.username': userNameOf(client),
  'sasl.password': broker.passwordOf(client),
});
/** Records ever written to a topic, summed over its partitions. */
const endOf = async (admin: kafka.KafkaJS.Admin, topic: string): Promise<number> => {
  const ends = await admin.fetchTopicOffsets(topic, {
    timeout: 60_000,
    isolationLevel: kafka.KafkaJS.IsolationLevel.READ_UNCOMMITTED,
  });
  return ends.reduce((sum, { high }) => sum + Number(high), 0);
};
const recordsIn = async (topic: string): Promise<number> => {
  const admin = new kafka.KafkaJS.Kafka({
    kafkaJS: { brokers: [broker.plain], logLevel: kafka.KafkaJS.logLevel.NOTHING },
  }).admin();
  await admin.connect();
  const end = await endOf(admin, topic);
  await admin.disconnect();
  return end;
};
const adminOf = (client: KafkaClient) =>
  new kafka.KafkaJS.Kafka({
    ...settings(client),
    kafkaJS: { brokers: [`127.0.0.1:${broker.port}`], logLevel: kafka.KafkaJS.logLevel.NOTHING },
  } as never).admin();

describe("with the manifests' ACLs on a broker that enforces them", () => {
  it('API and indexer do their work: publish, index, dead letters, commits', async () => {
    const [api, indexer] = await Promise.all([start('api'), start('indexer')]);
    await Promise.all([api.ready(), indexer.ready()]);
    const task = await createTask(api, 'allowed to');
    await waitFor('the task in search', async () => (await search(api, 'allowed to')).tasks[0]?.id === task.id);

    const anyone = await createTestProducer({ KAFKA_BROKERS: broker.plain });
    await sendAll(anyone, TASKS_TOPIC, [{ key: task.id, value: Buffer.from('no event'), headers: [] }]);
    await waitFor(
      'the poison event among the dead letters',
      async () => (await indexer.metric('taskstream_indexer_dead_letters_total')) === 1,
    );
    await anyone.disconnect(1_000);
    for (const { code } of await Promise.all([stopProcess(api), stopProcess(indexer)])) expect(code).toBe(0);
    for (const process of [api, indexer]) expect(process.logs()).not.toMatch(/authoriz/i);
  });

  it('KEDA sees the lag of the group', async () => {
    const admin = adminOf('keda');
    await admin.connect();
    expect(await endOf(admin, TASKS_TOPIC)).toBeGreaterThan(0);
    const committed = await admin.fetchOffsets({ groupId: INDEXER_GROUP, topics: [TASKS_TOPIC] });
    expect(committed.flatMap(({ partitions }) => partitions).some(({ offset }) => Number(offset) > 0)).toBe(true);
    await admin.disconnect();
  });

  it('ops builds an index from the topic, and cannot move the offsets of the indexers', async () => {
    const result = await runOps(['reindex', '--source', 'topic'], {
      ...credentials('ops'),
      DATABASE_URL: database.url,
      ELASTICSEARCH_URL: inject('elasticsearchUrl'),
      TASK_INDEX: index.alias,
    });
    expect(result).toMatchObject({ code: 0 });
    expect(result.stderr).not.toMatch(/authoriz/i);

    const consumer = createNativeConsumer({ ...settings('ops'), 'group.id': INDEXER_GROUP } as never);
    await connectClient(consumer, 10_000);
    expect(() => consumer.commitSync({ topic: TASKS_TOPIC, partition: 0, offset: 0 })).toThrow(/authoriz/i);
    await disconnectConsumer(consumer);
  });

  it.each<[KafkaClient, string]>([
    ['indexer', TASKS_TOPIC],
    ['keda', TASKS_TOPIC],
    ['api', DEAD_LETTER_TOPIC],
    ['keda', DEAD_LETTER_TOPIC],
    ['ops', DEAD_LETTER_TOPIC],
  ])('%s may not write to %s', async (client, topic) => {
    const before = await recordsIn(topic);
    const producer = await createTestProducer(credentials(client));
    const [error] = await producer.send(topic, [eventRecord('tasks.event.created', taskOf())]);
    // Who may write nowhere is refused before the record is looked at.
    expect(String(error)).toMatch(/authoriz|purged|fatal/i);
    expect(await recordsIn(topic)).toBe(before);
    await producer.disconnect(1_000);
  });

  it('a producer that may write nowhere fails for good before it is given a record, with the line that tells it', async () => {
    const facilities: string[] = [];
    const create = () => {
      const native = createNativeProducer({ ...settings('keda'), 'enable.idempotence': true } as never, {});
      native.on('event.log', ({ fac }: LogEvent) => facilities.push(fac));
      return native;
    };
    const logger = createLogger({ service: 'test', level: 'silent' });
    const native = await connectPatiently('producer', create, logger, AbortSignal.timeout(60_000));
    const producer = wrapProducer(native);
    await waitFor('the failure', () => facilities.includes(FATAL_FACILITY));
    const [error] = await producer.send(TASKS_TOPIC, [eventRecord('tasks.event.created', taskOf())]);
    expect(String(error)).toMatch(/fatal/i);
    expect(producer.hasFailed()).toBe(true);
    await producer.disconnect(0);
  });

  it.each<[KafkaClient]>([['api'], ['keda']])('%s may not read events', async (client) => {
    const consumer = createNativeConsumer({
      ...settings(client),
      'group.id': INDEXER_GROUP,
      'enable.auto.commit': false,
    } as never);
    await connectClient(consumer, 10_000);
    consumer.setDefaultConsumeTimeout(500);
    consumer.assign([0, 1, 2].map((partition) => ({ topic: TASKS_TOPIC, partition, offset: 0 })));
    const outcome = await waitFor(
      'an answer',
      () =>
        new Promise<string | undefined>((resolve) => {
          consumer.consume(10, (error, messages) => {
            // The callback's type promises an error even on success.
            if (error as unknown) resolve(error.message);
            else resolve(messages.length > 0 ? `${messages.length} events` : undefined);
          });
        }),
    );
    expect(outcome).toMatch(/authoriz/i);
    consumer.unassign();
    await disconnectConsumer(consumer);
  });

  it('an indexer without the right to write dead letters says so, and goes on when it is given, without a restart', async () => {
    // One that may do nothing but read: a producer without any right to write is refused for good (KIP-679).
    await broker.allow('keda', [
      { type: 'topic', name: TASKS_TOPIC, operations: ['Read'] },
      { type: 'group', name: INDEXER_GROUP, operations: ['Read'] },
    ]);
    const indexer = await start('indexer', 'keda');
    await indexer.ready();
    const anyone = await createTestProducer({ KAFKA_BROKERS: broker.plain });
    await sendAll(anyone, TASKS_TOPIC, [{ key: 'any', value: Buffer.from('no event'), headers: [] }]);
    await anyone.disconnect(1_000);
    await waitFor('an honest status', async () => {
      const answer = await fetch(`${indexer.healthUrl}/readyz`);
      return answer.status === 503 && (await answer.text()).includes('dead letters');
    });
    await waitFor('the log to say why', () => /authoriz/i.test(indexer.logs()));
    expect(await recordsIn(DEAD_LETTER_TOPIC)).toBe(1);

    await broker.allow('keda', [{ type: 'topic', name: DEAD_LETTER_TOPIC, operations: ['Write', 'Describe'] }]);
    await waitFor('the dead letter', async () => (await recordsIn(DEAD_LETTER_TOPIC)) === 2);
    await indexer.ready();
    expect((await stopProcess(indexer)).code).toBe(0);
  });

  it('an indexer that may not read the topic says so, lives on, and reads when it may, without a restart', async () => {
    const toRead: Acl[] = [{ type: 'topic', name: TASKS_TOPIC, operations: ['Read'] }];
    await broker.allow('api', [
      { type: 'group', name: INDEXER_GROUP, operations: ['Read'] },
      { type: 'topic', name: DEAD_LETTER_TOPIC, operations: ['Write', 'Describe'] },
    ]);
    const STALL_TIMEOUT_MS = '16000';
    const indexer = await start('indexer', 'api', {
      STALL_TIMEOUT_MS,
      LAG_INTERVAL_MS: '500',
      ELASTICSEARCH_TIMEOUT_MS: '5000',
      RETRY_MAX_MS: '1000',
    });
    const anyone = await createTestProducer({ KAFKA_BROKERS: broker.plain });
    const create = async () => {
      const task = taskOf();
      await sendAll(anyone, TASKS_TOPIC, [eventRecord('tasks.event.created', task)]);
      return task;
    };
    const task = await create();
    const readiness = async () => {
      const answer = await fetch(`${indexer.healthUrl}/readyz`);
      return { status: answer.status, text: await answer.text() };
    };
    const refused = () =>
      waitFor('an honest status', async () => {
        const { status, text } = await readiness();
        return status === 503 && text.includes('refuses to let this user read the topic');
      });
    await refused();
    const until = performance.now() + Number(STALL_TIMEOUT_MS) + 5_000;
    while (performance.now() < until) {
      expect((await fetch(`${indexer.healthUrl}/livez`)).status).toBe(200);
      await delay(500);
    }
    expect((await readiness()).status).toBe(503);

    await broker.allow('api', toRead);
    await indexer.ready();
    await waitFor('the event', async () => (await index.versions()).has(task.id));

    // A right that is lost and given back while nothing waits: Kafka says the one, and is silent about the other.
    await broker.withdraw('api', toRead);
    await refused();
    await broker.allow('api', toRead);
    await indexer.ready();
    const next = await create();
    await waitFor('the next event', async () => (await index.versions()).has(next.id));
    expect((await readiness()).status).toBe(200);
    await anyone.disconnect(1_000);
    expect((await stopProcess(indexer)).code).toBe(0);
  });
});
