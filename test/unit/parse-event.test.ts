import { describe, expect, it } from 'vitest';
import { parseEvent } from '../../services/pipeline/consume/parse-event.ts';
import { encodeEvent } from '../../services/pipeline/events.ts';
import { taskEntity } from '../../services/task/entity.ts';
import { messageOf, taskOf } from '../support/events.ts';
import { WRONG_VALUE } from '../support/sample.ts';

const task = taskOf({ version: 7 });
const NEWER = taskEntity.schemaVersion + 1;
/** The time that Kafka has of the records. */
const AT = '2026-01-02T03:04:05.678Z';
const parse = (value: string | Buffer | null, key: string | null = task.id, headers: Record<string, string>[] = []) =>
  parseEvent(
    messageOf({
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      headers,
      timestamp: Date.parse(AT),
    }),
    taskEntity,
  );
const reasonOf = (event: ReturnType<typeof parse>) => (event.kind === 'poison' ? event.error.code : event.kind);

describe('parseEvent', () => {
  it('asks to index a created and an updated task under its version', () => {
    for (const type of ['tasks.event.created', 'tasks.event.updated'] as const) {
      expect(parse(encodeEvent(type, JSON.stringify(task)))).toEqual({
        kind: 'operation',
        operation: { kind: 'index', id: task.id, version: 7, schemaVersion: taskEntity.schemaVersion, document: task },
      });
    }
  });

  it('asks to delete a deleted task when only id and version are given', () => {
    const value = JSON.stringify({ id: task.id, version: 8 });
    expect(parse(encodeEvent('tasks.event.deleted', value))).toEqual({
      kind: 'operation',
      operation: { kind: 'delete', id: task.id, version: 8, deletedAt: AT },
    });
  });

  it('keeps fields that it does not know', () => {
    const newer = { ...task, schemaVersion: NEWER, colour: 'green', nested: { reminder: null } };
    expect(parse(encodeEvent('tasks.event.updated', JSON.stringify(newer)))).toMatchObject({
      operation: { schemaVersion: NEWER, document: newer },
    });
  });

  it('takes an event of 0.1.0, which names no schema version, as one of schema 1', () => {
    const { schemaVersion, ...older } = task;
    expect(schemaVersion).toBe(taskEntity.schemaVersion);
    expect(parse(encodeEvent('tasks.event.updated', JSON.stringify(older)))).toEqual({
      kind: 'operation',
      operation: { kind: 'index', id: task.id, version: 7, schemaVersion: 1, document: older },
    });
  });

  it('ignores fields beside type and value, and those of a deletion', () => {
    const value = JSON.stringify({ ...task, version: 8, colour: 'green' });
    expect(parse(`{"type":"tasks.event.deleted","extra":1,"value":${value}}`)).toEqual({
      kind: 'operation',
      operation: { kind: 'delete', id: task.id, version: 8, deletedAt: AT },
    });
  });

  it('judges no field of a value that is newer than the code but its id and version', () => {
    const newer = { ...task, schemaVersion: NEWER, ...WRONG_VALUE };
    expect(parse(encodeEvent('tasks.event.updated', JSON.stringify(newer))).kind).toBe('operation');
    expect(
      reasonOf(
        parse(encodeEvent('tasks.event.updated', JSON.stringify({ ...task, schemaVersion: NEWER, version: 0 }))),
      ),
    ).toBe('schema_violation');
  });

  it('lets a type that only a newer version knows wait, and calls an unknown one of its own time poison', () => {
    const event = (schemaVersion: number) =>
      parse(encodeEvent('tasks.event.unheard-of', JSON.stringify({ ...task, schemaVersion })));
    expect(event(NEWER).kind).toBe('newer');
    expect(reasonOf(event(taskEntity.schemaVersion))).toBe('unknown_event_type');
  });

  it('takes the time of a deletion from its event', () => {
    const value = JSON.stringify({ id: task.id, version: 8 });
    const at = '2025-12-31T23:59:59.000Z';
    expect(parse(encodeEvent('tasks.event.deleted', value), task.id, [{ ce_time: at }])).toMatchObject({
      operation: { kind: 'delete', deletedAt: at },
    });
  });

  it('takes a tombstone that names its version as a deletion', () => {
    expect(parse(null, task.id, [{ version: '8' }])).toEqual({
      kind: 'operation',
      operation: { kind: 'delete', id: task.id, version: 8, deletedAt: AT, replacesEqual: true },
    });
  });

  it.each([
    ['none', task.id, []],
    ['none that is a number', task.id, [{ version: 'eight' }]],
    ['one that is not positive', task.id, [{ version: '0' }]],
    ['one that no event can have', task.id, [{ version: '9007199254740992' }]],
    ['one, and its key is no id', 'plants', [{ version: '8' }]],
  ])('passes over a tombstone with a version: %s', (_, key, headers) => {
    expect(parse(null, key, headers)).toEqual({ kind: 'tombstone' });
  });

  it.each([
    ['null_key', encodeEvent('tasks.event.created', JSON.stringify(task)), null],
    ['malformed_event', Buffer.from('{"type":'), task.id],
    ['malformed_event', Buffer.from([0x22, 0xff, 0xfe, 0x22]), task.id],
    ['schema_violation', Buffer.from('[]'), task.id],
    ['schema_violation', Buffer.from('{"value":{}}'), task.id],
    ['unknown_event_type', Buffer.from('{"type":"tasks.event.unheard-of","value":{}}'), task.id],
    ['unknown_event_type', Buffer.from('{"type":"toString","value":{}}'), task.id],
    ['schema_violation', encodeEvent('tasks.event.created', '{"id":"x"}'), task.id],
    ['schema_violation', encodeEvent('tasks.event.updated', JSON.stringify({ ...task, version: 0 })), task.id],
    ['key_mismatch', encodeEvent('tasks.event.created', JSON.stringify(task)), 'another-key'],
  ])('calls a record poison with the reason %s', (reason, value, key) => {
    expect(reasonOf(parse(value, key))).toBe(reason);
  });

  it('takes any value of a UUID for an id, as PostgreSQL does, in one spelling: two would be two documents', () => {
    const id = 'deadbeef-dead-beef-dead-beefdeadbeef';
    const event = encodeEvent('tasks.event.created', JSON.stringify({ ...task, id }));
    expect(parse(event, id)).toMatchObject({ operation: { id } });
    expect(parse(null, id, [{ version: '8' }])).toMatchObject({ operation: { id } });

    const upper = id.toUpperCase();
    const spelt = encodeEvent('tasks.event.created', JSON.stringify({ ...task, id: upper }));
    expect(parse(spelt, upper)).toMatchObject({
      error: { code: 'schema_violation', message: expect.stringContaining('lower case') as string },
    });
    expect(parse(null, upper, [{ version: '8' }])).toEqual({ kind: 'tombstone' });
  });

  it('names the field that is wrong', () => {
    const event = parse(encodeEvent('tasks.event.created', JSON.stringify({ ...task, ...WRONG_VALUE })));
    expect(event).toMatchObject({
      error: { message: expect.stringContaining(String(Object.keys(WRONG_VALUE))) as string },
    });
  });
});
