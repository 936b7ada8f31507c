/**
 * What breaks readers between two contracts of the events: those that were written for the older one and read newer
 * events, and those of the newer one that read older events, which a compacted topic keeps for as long as their row lives.
 */
import type { AsyncApiDocument, JsonSchema } from '../../services/pipeline/async-api.ts';

type Contract = Pick<AsyncApiDocument, 'channels'>;

/** @returns a sentence for each change that breaks a reader; none when the newer contract only adds */
export const breakingChanges = (older: Contract, newer: Contract): string[] =>
  Object.entries(older.channels).flatMap(([entity, { messages }]) => {
    const channel = newer.channels[entity];
    if (channel === undefined) return [`The events of ${entity} are gone: their readers wait for ever.`];
    return Object.entries(messages).flatMap(([type, message]) => {
      const now = channel.messages[type];
      if (now === undefined) {
        return [`${type} is gone: topics keep events of that type, and nothing knows them any more. Keep its effect.`];
      }
      return [
        ...schemaChanges(`${type}: the key`, message.bindings.kafka.key, now.bindings.kafka.key),
        // A message without headers says nothing about them: those that it gets break nobody.
        ...(message.headers === undefined
          ? []
          : schemaChanges(`${type}: a header`, message.headers, now.headers ?? {})),
        ...schemaChanges(type, message.payload, now.payload),
      ];
    });
  });

/** @returns a sentence for each entity whose fields differ while its schema version does not */
export const unnamedChanges = (older: Contract, newer: Contract): string[] =>
  Object.entries(newer.channels).flatMap(([entity, now]) => {
    const before = older.channels[entity];
    if (before === undefined || payloadsOf(before.messages) === payloadsOf(now.messages)) return [];
    const version = now['x-schema-version'];
    if (version > before['x-schema-version']) return [];
    return [
      `The events of ${entity} differ from the last release, and still name schema version ${version}: raise it, and ` +
        'write the new number into its row-to-JSON function with the migration.',
    ];
  });

const payloadsOf = (messages: AsyncApiDocument['channels'][string]['messages']): string =>
  JSON.stringify(Object.entries(messages).map(([type, { payload }]) => [type, payload]));

const schemaChanges = (path: string, older: JsonSchema, newer: JsonSchema): string[] => {
  const [before, now] = [typesOf(older), typesOf(newer)];
  const typeNames = (types: ReadonlyMap<string, JsonSchema>) => [...types.keys()].sort().join(' or ');
  if (typeNames(before) !== typeNames(now)) {
    return [
      `${path} changes its type from ${typeNames(before)} to ${typeNames(now)}: add a field of that type instead.`,
    ];
  }
  return [...before].flatMap(([type, schema]) => {
    const other = now.get(type) ?? {};
    return [
      ...valueChanges(path, schema, other),
      ...boundChanges(path, schema, other),
      ...propertyChanges(path, schema, other),
      ...(isSchema(schema['items']) && isSchema(other['items'])
        ? schemaChanges(`${path}[]`, schema['items'], other['items'])
        : []),
    ];
  });
};

/** The alternatives of a schema by type; values that are listed have the type of their first. */
const typesOf = (schema: JsonSchema): Map<string, JsonSchema> => {
  const alternatives = [schema['anyOf'], schema['oneOf']].find((list) => Array.isArray(list));
  if (alternatives !== undefined) return new Map(alternatives.filter(isSchema).flatMap((each) => [...typesOf(each)]));
  const { type } = schema;
  if (Array.isArray(type)) return new Map(type.map((each) => [String(each), schema]));
  const [value] = valuesOf(schema) ?? [];
  return new Map([[typeof type === 'string' ? type : value === undefined ? 'anything' : typeof value, schema]]);
};

const isSchema = (value: unknown): value is JsonSchema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const valuesOf = (schema: JsonSchema): readonly unknown[] | undefined => {
  if ('const' in schema) return [schema['const']];
  return Array.isArray(schema['enum']) ? (schema['enum'] as readonly unknown[]) : undefined;
};

/** A new value is no break: readers expect values that they do not know (docs/consumers.md). */
const valueChanges = (path: string, older: JsonSchema, newer: JsonSchema): string[] => {
  const [before, now] = [valuesOf(older), valuesOf(newer)];
  if (now === undefined) return [];
  if (before === undefined) return [`${path} now has a list of values, and older events may hold another.`];
  return before
    .filter((value) => !now.includes(value))
    .map((value) => `${path} no longer takes ${JSON.stringify(value)}, which older events hold: keep the value.`);
};

/** For each keyword whether `now` lets less through than `before`. */
const BOUNDS: Readonly<Record<string, (before: unknown, now: unknown) => boolean>> = {
  ...Object.fromEntries(
    ['minLength', 'minimum', 'exclusiveMinimum', 'minItems'].map((word) => [
      word,
      (before: unknown, now: unknown) => before === undefined || Number(now) > Number(before),
    ]),
  ),
  ...Object.fromEntries(
    ['maxLength', 'maximum', 'exclusiveMaximum', 'maxItems'].map((word) => [
      word,
      (before: unknown, now: unknown) => before === undefined || Number(now) < Number(before),
    ]),
  ),
  ...Object.fromEntries(
    ['pattern', 'format', 'multipleOf', 'uniqueItems'].map((word) => [
      word,
      (before: unknown, now: unknown) => before !== now,
    ]),
  ),
  additionalProperties: (before, now) => now === false && before !== false,
};

const boundChanges = (path: string, older: JsonSchema, newer: JsonSchema): string[] =>
  Object.entries(BOUNDS)
    .filter(([word, isTighter]) => newer[word] !== undefined && isTighter(older[word], newer[word]))
    .map(
      ([word]) =>
        `${path} has a tighter ${word} (${JSON.stringify(newer[word])}, before ${JSON.stringify(older[word] ?? null)}): ` +
        'older events do not keep it. Judge what clients send instead.',
    );

const propertyChanges = (path: string, older: JsonSchema, newer: JsonSchema): string[] => {
  const [before, now] = [propertiesOf(older), propertiesOf(newer)];
  const [wasRequired, isRequired] = [requiredOf(older), requiredOf(newer)];
  const changed = Object.entries(before).flatMap(([name, schema]) => {
    const field = `${path}.${name}`;
    const other = now[name];
    if (other === undefined)
      return [`${field} is gone, and readers use it: keep it, or go on writing its last meaning.`];
    return [
      ...(wasRequired.has(name) && !isRequired.has(name)
        ? [`${field} may be missing now, and readers count on it: keep it required.`]
        : []),
      ...schemaChanges(field, schema, other),
    ];
  });
  const demanded = [...isRequired]
    .filter((name) => !wasRequired.has(name))
    .map((name) => `${path}.${name} is required now, and older events lack it: make it optional (isLater).`);
  return [...changed, ...demanded];
};

const propertiesOf = ({ properties }: JsonSchema): Readonly<Record<string, JsonSchema>> =>
  isSchema(properties) ? (properties as Readonly<Record<string, JsonSchema>>) : {};

const requiredOf = ({ required }: JsonSchema): ReadonlySet<string> =>
  new Set(Array.isArray(required) ? required.map(String) : []);
