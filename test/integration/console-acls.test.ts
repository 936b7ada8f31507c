import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { aclsOf, userNameOf } from '../../infra/constructs/kafka.ts';
import { createTopics } from '../../infra/local/topics.ts';
import type { DeadLetterList } from '../../services/api/console/dead-letters.ts';
import type { Stage } from '../../services/api/console/journey.ts';
import type { Sample } from '../../services/api/console/sample.ts';
import { toHeaders } from '../../services/platform/kafka/producer.ts';
import { DEAD_LETTER_TOPIC, TASKS_TOPIC } from '../../services/task/resources.ts';
import { startAuthorizedKafka, type AuthorizedKafka } from '../support/authorized-kafka.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { openEventStream } from '../support/event-stream.ts';
import { createTestProducer } from '../support/kafka.ts';
import { call, createTask } from '../support/pipeline.ts';
import { killProcess, startService, type ServiceProcess } from '../support/process.ts';
import { createTestIndex, type TestIndex } from '../support/search-index.ts';
import { waitFor } from '../support/wait.ts';

let broker: AuthorizedKafka;
let database: TestDatabase;
let index: TestIndex;
let api: ServiceProcess;

beforeAll(async () => {
  [broker, database, index] = await Promise.all([
    startAuthorizedKafka({ console: true }),
    createTestDatabase(inject('databaseUrl')),
    createTestIndex(inject('elasticsearchUrl')),
  ]);
  await createTopics(broker.plain, { partitions: 3 });
  api = await startService('api', {
    CONSOLE: 'true',
    KAFKA_BROKERS: `127.0.0.1:${broker.port}`,
    KAFKA_TLS: 'true',
    KAFKA_CA_FILE: broker.caFile,
    KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
    KAFKA_SASL_USERNAME: userNameOf('api'),
    KAFKA_SASL_PASSWORD: broker.passwordOf('api'),
    DATABASE_URL: database.url,
    ELASTICSEARCH_URL: inject('elasticsearchUrl'),
    TASK_INDEX: index.alias,
    LOG_LEVEL: 'warn',
  });
  await api.ready();
});
afterAll(async () => {
  await killProcess(api);
  await Promise.all([database.close(), index.close()]);
  await broker.close();
});

it("with the manifests' ACLs the console sees topic, group and dead letters, and where an event lies", async () => {
  const url = `http://127.0.0.1:${api.port}/console`;
  const watching = await openEventStream(`${url}/events`);
  // The broker is new: nobody has asked for the group's coordinator before, and it has still to be made.
  await waitFor('everything to be known', async () => {
    const found = await watching.next();
    if (found?.event !== 'sample') return false;
    const { kafka } = found.data as Sample;
    return kafka.up && kafka.members === 0 && kafka.deadLetters === 0;
  });

  const task = await createTask(api, 'seen by the console');
  // A journey looks for the record for two seconds, and goes on without its place; asked again, it finds it.
  const stages = await waitFor('the place of the event', async () => {
    const journey = await openEventStream(`${url}/journeys/${task.id}?version=1`);
    const found: Stage[] = [];
    while (found.length < 3) found.push((await journey.next())?.data as Stage);
    journey.close();
    return 'partition' in (found[2] ?? {}) && found;
  });
  expect(stages.map(({ stage }) => stage)).toEqual(['acknowledged', 'published', 'in-kafka']);
  expect(stages[2]).toMatchObject({ partition: expect.any(Number) as number, offset: 0 });
  watching.close();
  expect(api.logs()).not.toMatch(/authoriz/i);
});

it("with the manifests' ACLs the console reads a dead letter and replays it", async () => {
  const producer = await createTestProducer({ KAFKA_BROKERS: broker.plain });
  const headers = toHeaders({ 'dlq.topic': TASKS_TOPIC, 'dlq.reason': 'malformed_event' });
  const [failure] = await producer.send(DEAD_LETTER_TOPIC, [{ key: 'poison', value: Buffer.from('{'), headers }]);
  expect(failure).toBeUndefined();
  await producer.disconnect(1_000);
  const found = await waitFor('the dead letter', async () => {
    const { status, body } = await call(api, 'GET', '/console/dead-letters');
    return status === 200 && (body as DeadLetterList).letters[0];
  });
  const path = `/console/dead-letters/${found.partition}/${found.offset}`;
  expect(await call(api, 'GET', path)).toMatchObject({ status: 200, body: { key: 'poison', value: '{' } });
  expect(await call(api, 'POST', `${path}/replay`, {})).toMatchObject({ status: 200, body: { state: 'replayed' } });
});

it('the rights of the console come with it, and go with it', () => {
  const withoutIt = aclsOf('api', { console: false });
  const withIt = aclsOf('api', { console: true });
  expect(JSON.stringify(withoutIt)).not.toContain('Read');
  expect(withIt).toEqual(expect.arrayContaining([...withoutIt]));
  expect(withIt.length).toBeGreaterThan(withoutIt.length);
});
