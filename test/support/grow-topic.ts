/** More partitions for a topic, as `kafka-topics --alter --partitions` or Strimzi's topic operator do it. */
import kafka from '@confluentinc/kafka-javascript';
import { toError } from '../../services/platform/kafka/native.ts';

const TIMEOUT_MS = 10_000;

export const growTopic = async (brokers: string, topic: string, partitions: number): Promise<void> => {
  const admin = kafka.AdminClient.create({ 'bootstrap.servers': brokers });
  try {
    await new Promise<void>((resolve, reject) => {
      admin.createPartitions(topic, partitions, TIMEOUT_MS, (error: unknown) => {
        if (error) reject(toError(error));
        else resolve();
      });
    });
  } finally {
    admin.disconnect();
  }
};
