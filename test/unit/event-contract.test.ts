import { Parser } from '@asyncapi/parser';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { eventContract } from '../../services/api/docs.ts';
import type { AsyncApiDocument, JsonSchema } from '../../services/pipeline/async-api.ts';
import { routesOf, toChunk } from '../../services/pipeline/relay/records.ts';
import { EVENT_TYPES, taskEntity } from '../../services/task/entity.ts';
import { breakingChanges, unnamedChanges } from '../contract/compatibility.ts';
import { currentContract, releasedContracts } from '../contract/released.ts';
import { taskOf } from '../support/events.ts';
import { taskIn } from '../support/task.ts';

const contract = currentContract();
const messages = contract.channels['task']?.messages ?? {};
const accepts = (schema: JsonSchema | undefined, value: unknown): boolean =>
  z.fromJSONSchema(schema as never).safeParse(value).success;

describe('the contract of the events', () => {
  it('is a valid AsyncAPI 3 document: a topic is a channel, an event type a message', async () => {
    const placed = eventContract([taskIn({ TASKS_TOPIC: 'somewhere.else' })]);
    const { document, diagnostics } = await new Parser().parse(JSON.stringify(placed));
    expect(diagnostics.map(({ message, path }) => `${path.join('.')}: ${message}`)).toEqual([]);
    expect(document?.version()).toMatch(/^3\./);
    const [channel] = document?.allChannels().all() ?? [];
    expect(channel?.address()).toBe('somewhere.else');
    expect(
      channel
        ?.messages()
        .all()
        .map((message) => message.name()),
    ).toEqual([...EVENT_TYPES, 'tombstone']);
  });

  it('describes what the relay publishes: key, headers, value and tombstone', () => {
    const task = taskOf();
    for (const [traceparent, tracestate] of [
      [null, null],
      ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 'congo=t61rcWkgMzE'],
    ] as const) {
      for (const type of EVENT_TYPES) {
        const row = {
          id: '1',
          topic: null,
          type,
          task_id: task.id,
          version: '1',
          task: JSON.stringify(task),
          slot: 0,
          traceparent,
          tracestate,
          time_ms: '0',
        };
        const [event, tombstone] = toChunk([row], routesOf([taskIn()])).changes.flatMap(({ records }) => records);
        const message = messages[type];
        expect(accepts(message?.bindings.kafka.key, event?.key)).toBe(true);
        const headers = Object.assign({}, ...(event?.headers ?? [])) as Record<string, string>;
        expect(accepts(message?.headers, headers), type).toBe(true);
        const described = Object.keys(message?.headers?.['properties'] ?? {});
        expect(described.filter((name) => !/^trace/.test(name) || traceparent !== null)).toEqual(Object.keys(headers));
        expect(accepts(message?.payload, JSON.parse(String(event?.value))), type).toBe(true);
        expect(tombstone?.value).toBe(taskEntity.effects[type] === 'delete' ? null : undefined);
        if (tombstone !== undefined) {
          const names = Object.assign({}, ...tombstone.headers) as Record<string, string>;
          expect(accepts(messages['tombstone']?.headers, names)).toBe(true);
          expect(Object.keys(messages['tombstone']?.headers?.['properties'] ?? {})).toEqual(Object.keys(names));
        }
      }
    }
    expect(accepts(messages['tombstone']?.payload, null)).toBe(true);
  });

  it('refuses an event without what readers count on, and lets fields through that it does not name', () => {
    const { payload } = messages['tasks.event.updated'] ?? {};
    const event = (value: object) => ({ type: 'tasks.event.updated', value });
    const { version, ...unversioned } = taskOf();
    expect(accepts(payload, event({ ...unversioned, version }))).toBe(true);
    expect(accepts(payload, event(unversioned))).toBe(false);
    expect(accepts(payload, event({ ...taskOf(), colour: 'green' }))).toBe(true);
  });
});

type Edit = readonly [path: string, change: (before: never) => unknown];

/** The tree with another value at a path; undefined takes it away. */
const replaced = (tree: unknown, keys: readonly string[], change: Edit[1]): unknown => {
  const [key, ...rest] = keys;
  if (key === undefined) return change(tree as never);
  const record = tree as Readonly<Record<string, unknown>>;
  const value = replaced(record[key], rest, change);
  return Object.fromEntries(
    [...Object.entries(record).filter(([name]) => name !== key), [key, value] as const].filter(
      ([, each]) => each !== undefined,
    ),
  );
};
const gone = () => undefined;
const to = (value: unknown) => () => value;

/** The contract with edits below `channels.task`. */
const edited = (...edits: readonly Edit[]): AsyncApiDocument =>
  edits.reduce<unknown>(
    (tree, [path, change]) => replaced(tree, ['channels', 'task', ...path.split('/')], change),
    contract,
  ) as AsyncApiDocument;

const UPDATED = 'messages/tasks.event.updated';
const VALUE = `${UPDATED}/payload/properties/value`;
const TAGS = { type: 'array', items: { type: 'string' } };

describe('against the events of every release', () => {
  it.each(releasedContracts().map((released) => [released.info.version, released] as const))(
    'no reader of %s breaks, and none of now that reads its events',
    (_, released) => {
      expect(breakingChanges(released, contract)).toEqual([]);
    },
  );

  it('a change of the fields has a schema version of its own', () => {
    const last = releasedContracts().at(-1);
    expect(unnamedChanges(last ?? contract, contract)).toEqual([]);
  });

  it('the version of the package has its contract in docs/events', () => {
    const versions = releasedContracts().map(({ info }) => info.version);
    expect(versions, 'run npm run release:events').toContain(contract.info.version);
  });
});

describe('the comparison of two contracts', () => {
  it.each<[string, string, ...Edit[]]>([
    [
      'a required field that older events lack',
      'updated.value.tags is required now, and older events lack it: make it optional (isLater).',
      [`${VALUE}/properties/tags`, to(TAGS)],
      [`${VALUE}/required`, (names: string[]) => [...names, 'tags']],
    ],
    ['a field that is gone', 'updated.value.isDone is gone', [`${VALUE}/properties/isDone`, gone]],
    [
      'a field that may be missing',
      'value.updatedAt may be missing now',
      [`${VALUE}/required`, (names: string[]) => names.filter((name) => name !== 'updatedAt')],
    ],
    [
      'another type',
      'isDone changes its type from boolean to string',
      [`${VALUE}/properties/isDone`, to({ type: 'string' })],
    ],
    [
      'null where there was none',
      'description changes its type from string to null or string',
      [`${VALUE}/properties/description`, (text: object) => ({ anyOf: [text, { type: 'null' }] })],
    ],
    [
      'a type within a field',
      'dates.due changes its type from null or string to string',
      [`${VALUE}/properties/dates/properties/due`, to({ type: 'string' })],
    ],
    [
      'a value that is gone',
      'priority no longer takes "none"',
      [`${VALUE}/properties/priority/enum`, (values: string[]) => values.slice(1)],
    ],
    [
      'a list of values for any text',
      'description now has a list of values',
      [`${VALUE}/properties/description/enum`, to(['a'])],
    ],
    [
      'a tighter bound',
      'description has a tighter minLength (2, before 1)',
      [`${VALUE}/properties/description/minLength`, to(2)],
    ],
    ['another format', 'createdAt has a tighter format', [`${VALUE}/properties/createdAt/format`, to('date')]],
    [
      'unknown fields forbidden',
      'value has a tighter additionalProperties',
      [`${VALUE}/additionalProperties`, to(false)],
    ],
    ['an event type that is gone', 'tasks.event.updated is gone', [UPDATED, gone]],
    ['a header that is gone', 'a header.ce_id is gone', [`${UPDATED}/headers/properties/ce_id`, gone]],
  ])('finds %s', (_, sentence, ...edits) => {
    const found = breakingChanges(contract, edited(...edits));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(sentence);
  });

  it('finds a topic that is gone', () => {
    expect(breakingChanges(contract, { channels: {} })).toEqual([expect.stringContaining('task are gone')]);
  });

  it.each<[string, Edit]>([
    ['an optional field', [`${VALUE}/properties/tags`, to(TAGS)]],
    ['a value', [`${VALUE}/properties/priority/enum`, (values: string[]) => [...values, 'urgent']]],
    ['a looser bound', [`${VALUE}/properties/description/minLength`, gone]],
  ])('lets %s be added, under a schema version of its own', (_, edit) => {
    expect(breakingChanges(contract, edited(edit))).toEqual([]);
    expect(unnamedChanges(contract, edited(edit))).toEqual([
      expect.stringContaining(`still name schema version ${taskEntity.schemaVersion}: raise it`),
    ]);
    expect(unnamedChanges(contract, edited(edit, ['x-schema-version', (version: number) => version + 1]))).toEqual([]);
  });
});
