/** From a Kafka record to what it asks of the index; a record that asks nothing sensible says why. */
import { messageOf, TaskstreamError } from '../../platform/errors.ts';
import type { Message } from '../../platform/kafka/native.ts';
import { describeDetails, detailsOf } from '../../platform/validation.ts';
import { z } from 'zod';
import { headerOf } from '../../platform/kafka/headers.ts';
import { timeText } from '../../platform/kafka/record-time.ts';
import type { Effect, Entity } from '../entity.ts';
import { envelopeSchema, tombstoneVersion, versionedSchema } from '../events.ts';
import { idSchema } from '../id.ts';
import type { IndexOperation } from '../index/operation.ts';

export type ParsedEvent =
  | { readonly kind: 'operation'; readonly operation: IndexOperation }
  /** A null value that names no version: there for log compaction only. */
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
    if (message.value === null) {
      const version = isId(key) ? tombstoneVersion(message) : undefined;
      return version === undefined
        ? { kind: 'tombstone' }
        : { kind: 'operation', operation: { ...deletion(key, version, message), replacesEqual: true } };
    }
    const { type, value } = parseEnvelope(message.value);
    const effect = Object.hasOwn(entity.effects, type) ? entity.effects[type] : undefined;
    if (effect === undefined) return unknownType(type, value, entity);
    const operation = toOperation(value, effect, entity, message);
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

/** The operation that writes a row, or the value of an event that shows one. @throws TaskstreamError `schema_violation` */
export const indexOperation = (value: unknown, entity: EventRules): IndexOperation => {
  const { id, version, schemaVersion } = judge(versionedSchema, value);
  if (schemaVersion <= entity.schemaVersion) judge(entity.value, value);
  return { kind: 'index', id, version, schemaVersion, document: value };
};

const toOperation = (value: unknown, effect: Effect, entity: EventRules, message: Message): IndexOperation => {
  if (effect === 'index') return indexOperation(value, entity);
  const { id, version } = judge(versionedSchema, value);
  return deletion(id, version, message);
};

/** At the time that the record names, or else at the one that Kafka has of it. */
const deletion = (id: string, version: number, message: Message): IndexOperation & { kind: 'delete' } => {
  const named = timeText(Date.parse(headerOf(message, 'ce_time') ?? ''));
  return { kind: 'delete', id, version, deletedAt: named ?? timeText(message.timestamp) ?? new Date().toISOString() };
};

const isId = (key: string): boolean => idSchema.safeParse(key).success;

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
  throw new TaskstreamError(
    'unknown_event_type',
    `this version knows no event type ${JSON.stringify(type)} of the ${name}`,
  );
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
