/** Creates the topics, as `services/task/resources.ts` defines them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { KafkaJS } from '@confluentinc/kafka-javascript';
import { DEAD_LETTER_TOPIC, TASKS_TOPIC, TOPICS } from '../../services/task/resources.ts';

export interface TopicChoices {
  readonly tasks?: string;
  readonly deadLetter?: string;
  /** Of the topic of tasks; the product's own number unless given. */
  readonly partitions?: number;
}

const ATTEMPTS = 5;

/**
 * Creates the topics that do not exist; a topic that exists stays as it is.
 * @param brokers `host:port`, comma-separated, reached without TLS
 * @throws the last error when no broker answers within about 30 s
 */
export const createTopics = async (
  brokers: string,
  { tasks = TASKS_TOPIC, deadLetter = DEAD_LETTER_TOPIC, partitions = TOPICS.tasks.partitions }: TopicChoices = {},
): Promise<void> => {
  const kafka = new KafkaJS.Kafka({
    kafkaJS: { brokers: brokers.split(','), clientId: 'taskstream-topics', logLevel: KafkaJS.logLevel.NOTHING },
  });
  const topics = [
    { topic: tasks, numPartitions: partitions, config: TOPICS.tasks.config },
    { topic: deadLetter, numPartitions: TOPICS.deadLetter.partitions, config: TOPICS.deadLetter.config },
  ].map(({ config, ...topic }) => ({
    ...topic,
    configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
  }));
  const admin = kafka.admin();
  await admin.connect();
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        // False means that they exist.
        await admin.createTopics({ topics, timeout: 5_000 });
        return;
      } catch (error) {
        if (attempt === ATTEMPTS) throw error;
        await sleep(500);
      }
    }
  } finally {
    await admin.disconnect();
  }
};
