/** The chart's values: an environment's settings, but for its name and namespace, which a release has of its own. */
import { Document, isMap, isScalar, type YAMLMap } from 'yaml';
import { z } from 'zod';
import { isRecord } from './compare.ts';
import { NO_ADDITIONS } from '../environments/pods.ts';
import { serverSchemas, settingsSchema, type Environment } from '../environments/schema.ts';

/** Helm merges values into the defaults: what the defaults say of the other kind of a server stays, and is passed over. */
const unused = (other: z.ZodObject, own: z.ZodObject) =>
  Object.fromEntries(
    Object.keys(other.shape)
      .filter((key) => !(key in own.shape))
      .map((key) => [key, z.unknown().optional().describe('Not used with this kind.')]),
  );

const { kafka, elasticsearch, postgres } = serverSchemas;
const valuesSchema = settingsSchema.omit({ name: true, namespace: true }).extend({
  createNamespace: z
    .boolean()
    .describe(
      'Whether the chart makes the namespace, with Pod Security "restricted" enforced. Not with --create-namespace.',
    ),
  servers: z.strictObject({
    kafka: z.discriminatedUnion('kind', [
      kafka.operated.extend(unused(kafka.managed, kafka.operated)),
      kafka.managed.extend(unused(kafka.operated, kafka.managed)),
    ]),
    elasticsearch: z.discriminatedUnion('kind', [
      elasticsearch.operated.extend(unused(elasticsearch.managed, elasticsearch.operated)),
      elasticsearch.managed.extend(unused(elasticsearch.operated, elasticsearch.managed)),
    ]),
    postgres: z.discriminatedUnion('kind', [
      postgres.operated.extend(unused(postgres.managed, postgres.operated)),
      postgres.managed.extend(unused(postgres.operated, postgres.managed)),
    ]),
  }),
  global: z.looseObject({}).optional().describe('What Helm adds for charts that contain this one.'),
});
export type Values = z.infer<typeof valuesSchema>;

/**
 * As JSON Schema, draft 7, which every Helm 3 and 4 reads. What is optional may be null: that is how a values file takes a
 * default away, and while Helm removes it before it checks, Flux merges values files into the chart and keeps it.
 */
export const valuesJsonSchema = (): Described =>
  withNulls(z.toJSONSchema(valuesSchema, { target: 'draft-7' })) as Described;

/** Not by the library's `override`, which is called for a schema that several places share before it has its type. */
const withNulls = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(withNulls);
  if (!isRecord(schema)) return schema;
  const { properties, required, ...rest } = schema;
  const inner = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, withNulls(value)]));
  if (!isRecord(properties)) return { ...schema, ...inner };
  const isRequired = (name: string): boolean => Array.isArray(required) && required.includes(name);
  const taken = Object.entries(properties).map(([name, property]): [string, unknown] => {
    const converted = withNulls(property);
    if (isRequired(name) || !isRecord(converted) || typeof converted['type'] !== 'string') return [name, converted];
    const { enum: words } = converted;
    // A word of a list must be in it, null too.
    const more = Array.isArray(words) ? { enum: [...(words as unknown[]), null] } : {};
    return [name, { ...converted, type: [converted['type'], 'null'], ...more }];
  });
  return { ...schema, ...inner, properties: Object.fromEntries(taken) };
};

export const valuesOf = ({
  images,
  api,
  service,
  ingress,
  httpRoute,
  indexer,
  jobs,
  topic,
  index,
  verify,
  zoneLabel,
  servers,
  auth,
  otlp,
  ...rest
}: Environment): Values => {
  const { consumers, console, monitoring, runbooksUrl, monitoringNamespace, kedaNamespace, operatorsNamespace } = rest;
  const { networkPolicy } = rest;
  const namespaces = { monitoringNamespace, kedaNamespace, operatorsNamespace };
  return {
    createNamespace: false,
    images,
    api: { ...api, ...NO_ADDITIONS, ...api },
    service: { annotations: {}, labels: {}, ...service },
    ingress: { ...ingress, annotations: ingress.annotations ?? {} },
    ...(httpRoute === undefined ? {} : { httpRoute }),
    indexer: { ...indexer, ...NO_ADDITIONS, ...indexer },
    jobs: { ...NO_ADDITIONS, ...jobs },
    topic,
    index,
    verify,
    ...(zoneLabel === undefined ? {} : { zoneLabel }),
    servers,
    auth,
    ...(otlp === undefined ? {} : { otlp }),
    consumers,
    console,
    monitoring,
    runbooksUrl,
    ...namespaces,
    networkPolicy,
  };
};

/** `values.yaml`, each setting with what its schema says of it. */
export const valuesYaml = (values: Values, header: string): string => {
  // Each place says its own: nobody edits an alias.
  const document = new Document(values, { aliasDuplicateObjects: false });
  document.commentBefore = header;
  if (isMap(document.contents)) describe(document.contents, valuesJsonSchema());
  return document.toString({ lineWidth: 0 });
};

/** What to give with `-f` beside the defaults to get other values: Helm merges, and null takes a default away. */
export const valuesOver = (defaults: Values, values: Values): unknown => difference(defaults, values);

const difference = (before: unknown, after: unknown): unknown => {
  if (!isRecord(before) || !isRecord(after)) return after;
  const changed = Object.entries(after).flatMap(([key, value]) =>
    JSON.stringify(before[key]) === JSON.stringify(value) ? [] : [[key, difference(before[key], value)] as const],
  );
  const gone = Object.keys(before).flatMap((key) => (key in after ? [] : [[key, null] as const]));
  return Object.fromEntries([...changed, ...gone]);
};

interface Described {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Described>>;
  readonly oneOf?: readonly Described[];
}

const describe = (map: YAMLMap, schema: Described): void => {
  // A server is of one kind or another; the defaults are of the first.
  const properties = schema.properties ?? schema.oneOf?.[0]?.properties ?? {};
  for (const { key, value } of map.items) {
    const inner = isScalar(key) ? properties[String(key.value)] : undefined;
    if (isScalar(key) && inner?.description !== undefined) key.commentBefore = ` ${inner.description}`;
    if (isMap(value) && inner !== undefined) describe(value, inner);
  }
};
