/** From a Kafka record to what it asks of the index; a record that asks nothing sensible says why. */
import { messageOf, TaskstreamError } from '../../platform/errors.ts';
import type { Message } from '../../platform/kafka/native.ts';
import { describeDetails, detailsOf } from '../../platform/validation.ts';
import type { z } from 'zod';
import type { Entity } from '../entity.ts';
import { envelopeSchema, versionedSchema } from '../events.ts';
import type { IndexOperation } from '../index/operation.ts';

export type ParsedEvent =
  | { readonly kind: 'operation'; readonly operation: IndexOperation }
  /** The null value after a deletion, there for log compaction only. */
  | { readonly kind: 'tombstone' }
  /** Of a type that only a newer version of this code knows: it waits for that version. */
  | { readonly kind: 'newer'; readonly reason: string }
  | { readonly kind: 'poison'; readonly error: TaskstreamError };

/** The parts of an entity that judge its events. */
export type EventRules = Pick<Entity, 'name' | 'effects' | 'schemaVersion' | 'value'>;

/**
 * Judges a record; it never throws, as one bad record must not stop its partition.
 * A value is kept as it came. Only what this version knows of it is judged: all known fields where the value's schema
 * version is not above the code's, and of a newer one no more than its id and versions.
 */
export const parseEvent = (message: Message, entity: EventRules): ParsedEvent => {
  try {
    const key = keyOf(message);
    if (message.value === null) return { kind: 'tombstone' };
    const { type, value } = parseEnvelope(message.value);
    const effect = Object.hasOwn(entity.effects, type) ? entity.effects[type] : undefined;
    if (effect === undefined) return unknownType(type, value, entity);
    const operation = toOperation(value, effect, entity);
    // The key chooses the partition, and so the order: under another key, updates of one id could overtake another.
    if (operation.id !== key) {
      throw new TaskstreamError(
        'key_mismatch',
        `the key is ${JSON.stringify(key)}, the ${entity.name}'s id ${operation.id}`,
      );
    }
    return { kind: 'operation', operation };
  } catch (error) {
    if (error instanceof TaskstreamError) return { kind: 'poison', error };
    return { kind: 'poison', error: new TaskstreamError('internal', messageOf(error), { cause: error }) };
  }
};

/**
 * What a value asks of the index.
 * @throws TaskstreamError `schema_violation` when it is not what its event's type promises
 */
export const toOperation = (value: unknown, effect: 'index' | 'delete', entity: EventRules): IndexOperation => {
  const { id, version, schemaVersion } = judge(versionedSchema, value);
  if (effect === 'delete') return { kind: 'delete', id, version };
  if (schemaVersion <= entity.schemaVersion) judge(entity.value, value);
  return { kind: 'index', id, version, schemaVersion, document: value };
};

const judge = <T>(schema: z.ZodType<T>, value: unknown): T => {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const details = detailsOf(result.error);
  throw new TaskstreamError('schema_violation', describeDetails(details, 'value'), { details });
};

const unknownType = (type: string, value: unknown, { name, schemaVersion }: EventRules): ParsedEvent => {
  const versioned = versionedSchema.safeParse(value);
  if (versioned.success && versioned.data.schemaVersion > schemaVersion) {
    return {
      kind: 'newer',
      reason:
        `an event of type ${JSON.stringify(type)} has schema ${versioned.data.schemaVersion} of the ${name}, and this ` +
        `version knows ${schemaVersion}: deploy the newer version of the indexer`,
    };
  }
  throw new TaskstreamError('unknown_event_type', `no event type ${JSON.stringify(type)} of a ${name} is known`);
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
