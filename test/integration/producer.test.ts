import { expect, it } from 'vitest';
import { startOwnKafka } from '../support/embedded-kafka.ts';
import { createTestProducer, createTestTopics } from '../support/kafka.ts';

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
