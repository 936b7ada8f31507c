/** librdkafka's issue 5301. When a later client is not brought there any more, what replaces it in the services can go. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { joinGroup, type GroupClient } from '../../services/pipeline/consume/group-client.ts';
import { createLogger } from '../../services/platform/logger.ts';
import { readEnv } from '../../services/platform/env.ts';
import { SILENT_MS } from '../../services/platform/kafka/native.ts';
import { kafkaEnv } from '../../services/platform/kafka/settings.ts';
import { createProducer } from '../../services/platform/kafka/producer.ts';
import { startKafkaBehind, type OwnKafka } from '../support/embedded-kafka.ts';
import { createFencingProxy, type FencingProxy } from '../support/fencing-proxy.ts';
import { createTestTopics, type TestTopics } from '../support/kafka.ts';
import { waitFor } from '../support/wait.ts';

const TIMEOUT_MS = 240_000;
const PARTITIONS = [0, 1, 2, 3];
const logger = createLogger({ service: 'test', level: 'silent' });
const record = { key: 'key', value: Buffer.from('value'), headers: [] };

let kafka: OwnKafka;
let proxy: FencingProxy;
let topics: TestTopics;
let config: ReturnType<typeof readEnv<typeof kafkaEnv>>;
beforeAll(async () => {
  ({ kafka, proxy } = await startKafkaBehind(createFencingProxy));
  topics = await createTestTopics(kafka.brokers, { partitions: PARTITIONS.length });
  config = readEnv(kafkaEnv, { KAFKA_BROKERS: `127.0.0.1:${proxy.port}` });
}, TIMEOUT_MS);
afterAll(async () => {
  await topics.close();
  await kafka.close();
  await proxy.close();
});

/**
 * Fences the broker for one answer while several are on their way, until the client has forgotten it.
 * It needs the right moment, which comes about every sixth time: a round without it takes 1.6 s.
 */
const forget = async (ask: () => Promise<unknown>, isForgotten: () => Promise<boolean>): Promise<void> => {
  for (let round = 1; round <= 80; round += 1) {
    proxy.fence(1);
    await Promise.allSettled(Array.from({ length: 8 }, ask));
    proxy.fence(0);
    if (await isForgotten()) return;
  }
  throw new Error('the client finds its broker again each time');
};

it(
  'a producer that has forgotten its brokers is replaced, and delivers',
  async () => {
    const producer = await createProducer(
      config,
      { clientId: 'test', logger, deliveryTimeoutMs: 5_000, maxMessageBytes: 1_000_000 },
      AbortSignal.timeout(TIMEOUT_MS),
    );
    const send = () => producer.send(topics.tasks, [record]);
    expect(await send()).toEqual([undefined]);
    await forget(
      () => producer.partitionCount(topics.tasks),
      async () => (await send())[0] !== undefined,
    );
    expect(await send()).toEqual([undefined]);
    await producer.disconnect(1_000);
  },
  TIMEOUT_MS,
);

it(
  'a consumer that has forgotten its brokers loses its partitions, and reads them again by a new client',
  async () => {
    const changes: string[] = [];
    const report = (kind: string, partitions: readonly number[]) => {
      changes.push(`${kind} ${[...partitions].sort().join()}`);
    };
    const listener = {
      onAssign: (partitions: readonly number[]) => {
        report('assigned', partitions);
      },
      onRevoke: async (partitions: readonly number[], lost: boolean) => {
        report(lost ? 'lost' : 'revoked', partitions);
      },
    };
    const settings = {
      ...config,
      SESSION_TIMEOUT_MS: 40_000,
      FETCH_BUFFER_KBYTES: 1_024,
      GROUP_PROTOCOL: 'classic' as const,
    };
    const names = { topic: topics.tasks, group: `group-${topics.tasks}` };
    const client: GroupClient = await joinGroup(settings, names, listener, logger, AbortSignal.timeout(TIMEOUT_MS));
    let read = 0;
    const stopped = new AbortController();
    const polling = (async () => {
      while (!stopped.signal.aborted) read += (await client.poll(100)).messages.length;
    })();
    const all = `assigned ${PARTITIONS.join()}`;
    const lag = () => client.lag(new Map(PARTITIONS.map((partition) => [partition, 0])));
    await waitFor('all partitions', async () => changes.at(-1) === all, { timeoutMs: 60_000 });
    await topics.produce([record]);
    await waitFor('a record to be read', async () => read > 0);
    const before = read;

    // No partition's end: the fewer questions follow the first one, the sooner a round is over.
    const ask = () => client.lag(new Map());
    await forget(ask, async () => {
      const answers = await Promise.allSettled([ask(), ask(), ask()]);
      return answers.every(({ status }) => status === 'rejected');
    });
    await topics.produce([record]);
    await waitFor(
      'the new client to be given all partitions',
      async () => {
        await lag().catch(() => undefined);
        return changes.length > 1 && changes.at(-1) === all;
      },
      { timeoutMs: SILENT_MS + 60_000 },
    );
    expect(changes).toEqual([all, `lost ${PARTITIONS.join()}`, all]);
    await waitFor('the record to be read', async () => read > before);
    await waitFor('the lag', lag);

    stopped.abort();
    await polling;
    await client.disconnect();
  },
  TIMEOUT_MS,
);
