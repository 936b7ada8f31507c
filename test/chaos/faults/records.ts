/** Records that were read, as such to be written. */
import type { Message } from '../../../services/platform/kafka/native.ts';
import type { ProducerRecord } from '../../../services/platform/kafka/producer.ts';
import type { TestTopics } from '../../support/kafka.ts';
import type { Random } from '../random.ts';

export const toRecord = ({ key, value, headers = [] }: Message): ProducerRecord => ({
  key: String(key),
  value,
  headers,
});

const MOST = 500;

/** Up to 500 events of before their task's deletion, of all that the topic holds, come again in another order. */
export const repeatBeforeDeletions = async (topics: TestTopics, random: Random): Promise<void> => {
  const events = await topics.readAll(topics.tasks);
  const deleted = new Set(events.filter(({ value }) => value === null).map(({ key }) => String(key)));
  const older = events.filter(
    ({ key, value }) => value !== null && deleted.has(String(key)) && !value.includes('tasks.event.deleted'),
  );
  if (older.length === 0) return;
  await topics.produce(Array.from({ length: Math.min(MOST, older.length) }, () => toRecord(random.pick(older))));
};
