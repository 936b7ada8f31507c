/** A topic like that of the tasks, for raw producing. */
import { createTestTopics, type TestTopics } from '../support/kafka.ts';
import { PARTITIONS, type Stack } from './stack.ts';

export const createSpareTopic = ({ env }: Stack): Promise<TestTopics> =>
  createTestTopics(env['KAFKA_BROKERS'] ?? '', { partitions: PARTITIONS });
