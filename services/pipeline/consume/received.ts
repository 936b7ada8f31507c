/**
 * A record together with what it asks of the index, parsed and encoded. That is done as the record is read, while the batch
 * before it is being written, and not between two requests, when Elasticsearch has nothing to do.
 */
import type { Message, TopicPartitionOffset } from '../../platform/kafka/native.ts';
import { messageOf, TaskstreamError } from '../../platform/errors.ts';
import { headerOf } from '../../platform/kafka/headers.ts';
import { encodeOperation, type EncodedOperation } from '../index/operation.ts';
import { parseEvent, type EventRules, type ParsedEvent } from './parse-event.ts';

export interface ReceivedEvent extends TopicPartitionOffset {
  readonly message: Message;
  readonly event:
    { readonly kind: 'operation'; readonly operation: EncodedOperation } | Exclude<ParsedEvent, { kind: 'operation' }>;
  /** When the change was made, in milliseconds of Unix time; NaN when the record does not say so. */
  readonly changedAtMs: number;
}

/** It never throws, as `parseEvent` does not. */
export const receive = (message: Message, entity: EventRules): ReceivedEvent => {
  const event = encoded(parseEvent(message, entity));
  const { topic, partition, offset } = message;
  return {
    topic,
    partition,
    offset,
    message,
    event,
    changedAtMs: Date.parse(headerOf(message, 'ce_time') ?? ''),
  };
};

const encoded = (event: ParsedEvent): ReceivedEvent['event'] => {
  if (event.kind !== 'operation') return event;
  try {
    return { kind: 'operation', operation: encodeOperation(event.operation) };
  } catch (error) {
    // JSON is read to any depth, and written only as deep as the stack.
    const message = `its value cannot be written as JSON: ${messageOf(error)}`;
    return { kind: 'poison', error: new TaskstreamError('schema_violation', message, { cause: error }) };
  }
};
