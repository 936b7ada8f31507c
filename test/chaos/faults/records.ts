/** A record that was read, as one to be written. */
import type { Message } from '../../../services/platform/kafka/native.ts';
import type { ProducerRecord } from '../../../services/platform/kafka/producer.ts';

export const toRecord = ({ key, value, headers = [] }: Message): ProducerRecord => ({
  key: String(key),
  value,
  headers,
});
