/**
 * The contract of the events as an AsyncAPI 3 document, made from the schemas that judge them.
 * A channel is a topic, a message is an event type. Nothing in it forbids fields: newer writers add them.
 */
import { z } from 'zod';
import type { PlacedEntity } from './entity.ts';
import { ENVELOPE_HEADERS, TOMBSTONE_HEADERS, versionedSchema } from './events.ts';

/** JSON Schema, draft 7, as AsyncAPI takes it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

interface Reference {
  readonly $ref: string;
}

export interface AsyncApiMessage {
  readonly name: string;
  readonly summary: string;
  readonly contentType?: string;
  readonly headers?: JsonSchema;
  readonly payload: JsonSchema;
  readonly bindings: { readonly kafka: { readonly key: JsonSchema; readonly bindingVersion: string } };
}

export interface AsyncApiChannel {
  /** The topic. */
  readonly address: string;
  readonly description: string;
  readonly messages: Readonly<Record<string, AsyncApiMessage>>;
  readonly bindings: { readonly kafka: { readonly topic: string; readonly bindingVersion: string } };
  /** The newest schema version that its events name. */
  readonly 'x-schema-version': number;
}

export interface AsyncApiDocument {
  readonly asyncapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly defaultContentType: string;
  /** By name of the entity. */
  readonly channels: Readonly<Record<string, AsyncApiChannel>>;
  readonly operations: Readonly<
    Record<string, { readonly action: 'send'; readonly summary: string; readonly channel: Reference }>
  >;
}

const KAFKA_BINDING = '0.5.0';

/** The message of a deletion's second record, which lets compaction forget the older ones. */
export const TOMBSTONE = 'tombstone';

/**
 * @param entities whose topics are described, in their places
 * @param info title and version of the product, and what it is in one sentence
 */
export const asyncApiDocument = (
  entities: readonly PlacedEntity[],
  info: AsyncApiDocument['info'],
): AsyncApiDocument => ({
  asyncapi: '3.1.0',
  info,
  defaultContentType: 'application/json',
  channels: Object.fromEntries(entities.map((entity) => [entity.name, channelOf(entity)])),
  operations: Object.fromEntries(
    entities.map(({ name }) => [
      `publish-${name}`,
      {
        action: 'send',
        summary: `Every change of each ${name}, at least once, each with the version that it made.`,
        channel: { $ref: `#/channels/${name}` },
      },
    ]),
  ),
});

const channelOf = ({ name, topic, effects, value, schemaVersion }: PlacedEntity): AsyncApiChannel => {
  const key = { type: 'string', format: 'uuid', description: `Id of the ${name}.` };
  const bindings = { kafka: { key, bindingVersion: KAFKA_BINDING } };
  const messages = Object.entries(effects).map(([type, effect]): [string, AsyncApiMessage] => [
    type,
    {
      name: type,
      summary:
        effect === 'index'
          ? `The ${name} as it is at this version.`
          : `The ${name} is deleted, at this version. Its other fields may be there, as they were last.`,
      contentType: 'application/json',
      headers: headersOf(type),
      payload: {
        type: 'object',
        properties: {
          type: { type: 'string', const: type },
          value: toJsonSchema(effect === 'index' ? value : versionedSchema),
        },
        required: ['type', 'value'],
      },
      bindings,
    },
  ]);
  const tombstone: AsyncApiMessage = {
    name: TOMBSTONE,
    summary:
      'Follows a deletion: log compaction forgets the older events of the key. With a version it is the deletion itself, ' +
      'for readers that come after its event is gone. One without headers deletes nothing: pass over it.',
    headers: {
      type: 'object',
      properties: Object.fromEntries(
        Object.entries(TOMBSTONE_HEADERS).map(([header, schema]) => [header, { type: 'string', ...schema }]),
      ),
    },
    payload: { type: 'null' },
    bindings,
  };
  return {
    address: topic,
    description:
      `Compacted: the newest event of each ${name} stays. Events repeat, and may come in another order after the topic ` +
      'grew: apply an event when its version is above the one you have. Fields that you do not know may come at any time.',
    messages: { ...Object.fromEntries(messages), [TOMBSTONE]: tombstone },
    bindings: { kafka: { topic, bindingVersion: KAFKA_BINDING } },
    'x-schema-version': schemaVersion,
  };
};

/** As a reader sees it: what has a default may be missing, and fields that are not named are allowed. */
const toJsonSchema = (schema: z.ZodType): JsonSchema => {
  const document = z.toJSONSchema(schema, {
    target: 'draft-7',
    io: 'input',
    // A format says it in one word.
    override: ({ jsonSchema }) => {
      if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
    },
  });
  return Object.fromEntries(Object.entries(document).filter(([name]) => name !== '$schema'));
};

const headersOf = (type: string): JsonSchema => ({
  type: 'object',
  properties: Object.fromEntries(
    Object.entries(ENVELOPE_HEADERS).map(([name, schema]) => [
      name,
      { type: 'string', ...schema, ...(name === 'ce_type' ? { const: type } : {}) },
    ]),
  ),
  // A change that no trace led to has no context.
  required: Object.keys(ENVELOPE_HEADERS).filter((name) => !name.startsWith('trace')),
});
