/** A record that was read, as one to be written. */
import type { Message } from '../../../services/shared/kafka-native.ts';
import type { ProducerRecord } from '../../../services/shared/producer.ts';

export const toRecord = ({ key, value, headers = [] }: Message): ProducerRecord => ({
  key: String(key),
  value,
  headers,
});
