/** From a Kafka record to what it asks of the index; a record that asks nothing sensible says why. */
import { messageOf, TaskstreamError } from '../../platform/errors.ts';
import { envelopeSchema, isEventType } from '../../task/events.ts';
import type { Message } from '../../platform/kafka/native.ts';
import { handlers } from '../../task/handlers/index.ts';
import type { IndexOperation } from '../index/operation.ts';

export type ParsedEvent =
  | { readonly kind: 'operation'; readonly operation: IndexOperation }
  /** The null value after a deletion, there for log compaction only. */
  | { readonly kind: 'tombstone' }
  | { readonly kind: 'poison'; readonly error: TaskstreamError };

/** Judges a record; it never throws, as one bad record must not stop its partition. */
export const parseEvent = (message: Message): ParsedEvent => {
  try {
    const key = keyOf(message);
    if (message.value === null) return { kind: 'tombstone' };
    const { type, value } = parseEnvelope(message.value);
    if (!isEventType(type)) {
      throw new TaskstreamError('unknown_event_type', `no handler for events of type ${JSON.stringify(type)}`);
    }
    const operation = handlers[type](value);
    // The key chooses the partition, and so the order: under another key, updates of one task could overtake another.
    if (operation.id !== key) {
      throw new TaskstreamError('key_mismatch', `the key is ${JSON.stringify(key)}, the task's id ${operation.id}`);
    }
    return { kind: 'operation', operation };
  } catch (error) {
    if (error instanceof TaskstreamError) return { kind: 'poison', error };
    return { kind: 'poison', error: new TaskstreamError('internal', messageOf(error), { cause: error }) };
  }
};

const keyOf = ({ key }: Message): string => {
  if (key === null || key === undefined) throw new TaskstreamError('null_key', 'the record has no key');
  return key.toString();
};

const utf8 = new TextDecoder('utf-8', { fatal: true });

const parseEnvelope = (value: Buffer): { type: string; value: unknown } => {
  let json: unknown;
  try {
    json = JSON.parse(utf8.decode(value));
  } catch (error) {
    throw new TaskstreamError('malformed_event', `not JSON: ${messageOf(error)}`, { cause: error });
  }
  const envelope = envelopeSchema.safeParse(json);
  if (!envelope.success) {
    throw new TaskstreamError('schema_violation', 'an event is an object with a string "type" and a "value"');
  }
  return { type: envelope.data.type, value: envelope.data.value };
};
