/** Whether every copy of everything is there: what operators wait for before they touch the next node. */
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../bootstrap/fail.mjs';
import { LOOPBACK } from '../embedded-server.ts';

const IN_SYNC_MS = 180_000;
const INTERVAL_MS = 500;

/** An answer of a search node in JSON, whatever its status. @throws when none comes within 5 s */
export const ask = async (port: number, path: string): Promise<unknown> => {
  const response = await fetch(`http://${LOOPBACK}:${port}${path}`, { signal: AbortSignal.timeout(5_000) });
  return response.json();
};

/** @throws UserError when it takes longer than three minutes */
const until = async (what: string, isDone: () => Promise<boolean>): Promise<void> => {
  const endAt = performance.now() + IN_SYNC_MS;
  while (!(await isDone().catch(() => false))) {
    if (performance.now() > endAt) throw new UserError(`${what} within ${IN_SYNC_MS / 1_000} s.`);
    await sleep(INTERVAL_MS);
  }
};

/** Resolves when every copy of every shard is there. */
export const green = (port: number): Promise<void> =>
  until('Elasticsearch was not green', async () => {
    const health = await ask(port, '/_cluster/health?wait_for_status=green&wait_for_nodes=3&timeout=3s');
    return typeof health === 'object' && health !== null && 'timed_out' in health && health.timed_out === false;
  });

/**
 * Resolves when every partition has all of its copies in sync, as each broker says it: one that was away may still show what was
 * before that.
 * @param brokers `host:port`, with commas
 */
export const inSync = async (brokers: string): Promise<void> => {
  const { default: kafka } = await import('@confluentinc/kafka-javascript');
  const { Kafka, logLevel } = kafka.KafkaJS;
  const isWhole = async (broker: string): Promise<boolean> => {
    // Another one each time: a client may forget brokers that it hears of while they are fenced.
    const admin = new Kafka({ kafkaJS: { brokers: [broker], logLevel: logLevel.NOTHING } }).admin();
    try {
      await admin.connect();
      const names = await admin.listTopics();
      // It has no answer to a question about none.
      const topics = names.length === 0 ? [] : await admin.fetchTopicMetadata({ topics: names });
      return topics.every(({ partitions }) => partitions.every(({ isr, replicas }) => isr.length === replicas.length));
    } finally {
      await admin.disconnect();
    }
  };
  await until('Kafka had not all copies in sync', async () => {
    const answers = await Promise.all(brokers.split(',').map(isWhole));
    return answers.every(Boolean);
  });
};
