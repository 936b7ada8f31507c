import { expect, it } from 'vitest';
import { createDeadLetterWriter } from '../../services/pipeline/dead-letters/writer.ts';
import { TaskstreamError } from '../../services/platform/errors.ts';
import type { KafkaProducer } from '../../services/platform/kafka/producer.ts';
import { connectClient, createNativeProducer, type LogEvent } from '../../services/platform/kafka/native.ts';
import { wrapProducer } from '../../services/platform/kafka/producer-client.ts';
import { startOwnKafka, type OwnKafka } from '../support/embedded-kafka.ts';
import { messageOf } from '../support/events.ts';
import { createTestProducer, createTestTopics, type TestTopics } from '../support/kafka.ts';

it('fails what is in flight when it is closed with its broker away, and leaves nobody waiting', async () => {
  const kafka = await startOwnKafka();
  try {
    const topics = await createTestTopics(kafka.brokers);
    const producer = await createTestProducer({ KAFKA_BROKERS: kafka.brokers });
    const record = { key: 'key', value: Buffer.from('value'), headers: [] };
    expect(await producer.send(topics.tasks, [record])).toEqual([undefined]);
    await kafka.kill();
    const sent = producer.send(topics.tasks, [record, record]);
    // A second close waits for the first one.
    await Promise.all([producer.disconnect(0), producer.disconnect(0)]);
    expect(await sent).toEqual([expect.any(Error), expect.any(Error)]);
    await kafka.start();
    await topics.close();
  } finally {
    await kafka.close();
  }
});

it('fails what has no report soon after its client failed for good, and says why', async () => {
  const kafka = await startOwnKafka();
  try {
    const topics = await createTestTopics(kafka.brokers);
    const native = createNativeProducer({ 'bootstrap.servers': kafka.brokers, dr_cb: true }, {});
    await connectClient(native, 30_000);
    const producer = wrapProducer(native);
    const record = { key: 'key', value: Buffer.from('value'), headers: [] };
    expect(await producer.send(topics.tasks, [record])).toEqual([undefined]);
    await kafka.kill();
    const sent = producer.send(topics.tasks, [record]);
    // No server can be made to fail a producer in the moment between a record's check and its queue. The line is as
    // librdkafka writes it; kafka-acls.test.ts has a real one.
    const line: LogEvent = { severity: 0, fac: 'FATAL', message: 'Fatal error: no more' };
    native.emit('event.log', line);
    expect(await sent).toEqual([new Error('Fatal error: no more')]);
    expect(producer.hasFailed()).toBe(true);
    await producer.disconnect(0);
    await kafka.start();
    await topics.close();
  } finally {
    await kafka.close();
  }
});

/** Gives a test a broker of its own to pause; it goes on when the test ends. */
const withOwnBroker = async (
  use: (own: { kafka: OwnKafka; topics: TestTopics; producer: KafkaProducer }) => Promise<void>,
): Promise<void> => {
  const kafka = await startOwnKafka();
  try {
    const topics = await createTestTopics(kafka.brokers);
    const producer = await createTestProducer({ KAFKA_BROKERS: kafka.brokers });
    await use({ kafka, topics, producer });
    kafka.resume();
    await producer.disconnect(0);
    await topics.close();
  } finally {
    kafka.resume();
    await kafka.close();
  }
};

it('asks a broker that hangs once for all who ask: each question keeps a thread that others need', () =>
  withOwnBroker(async ({ kafka, topics, producer }) => {
    expect(await producer.partitionCount(topics.tasks)).toBe(4);
    kafka.pause();
    const msFor = async (questions: number): Promise<number> => {
      const startedAt = performance.now();
      await Promise.all(Array.from({ length: questions }, () => producer.partitionCount(topics.tasks)));
      return performance.now() - startedAt;
    };
    let one = 0;
    // It may have answered the first one just before it stood still.
    while (one < 1_000) one = await msFor(1);
    // There are four such threads, which also resolve names and write files.
    expect(await msFor(24)).toBeLessThan(3 * one);
  }));

it('a dead letter whose broker hangs is given up as soon as its signal aborts', () =>
  withOwnBroker(async ({ kafka, topics, producer }) => {
    let isSent = false;
    const writer = createDeadLetterWriter({
      producer: { send: (...args) => producer.send(...args).finally(() => (isSent = true)) },
      topic: topics.deadLetters,
      backoff: { baseMs: 100, maxMs: 100 },
      onRetry: () => undefined,
    });
    kafka.pause();
    const error = new TaskstreamError('malformed_event', 'no JSON');
    const abort = new AbortController();
    const written = writer.write([{ message: messageOf(), error, attempts: 0 }], abort.signal);
    abort.abort();
    expect(await written).toEqual([false]);
    expect(isSent).toBe(false);
  }));
