import { describe, expect, it } from 'vitest';
import { parseEvent } from '../../services/pipeline/consume/parse-event.ts';
import { encodeEvent } from '../../services/task/events.ts';
import { messageOf, taskOf } from '../support/events.ts';

const task = taskOf({ version: 7 });
const parse = (value: string | Buffer | null, key: string | null = task.id) =>
  parseEvent(
    messageOf({ key: key === null ? null : Buffer.from(key), value: value === null ? null : Buffer.from(value) }),
  );
const reasonOf = (event: ReturnType<typeof parse>) => (event.kind === 'poison' ? event.error.code : event.kind);

describe('parseEvent', () => {
  it('asks to index a created and an updated task under its version', () => {
    for (const type of ['tasks.event.created', 'tasks.event.updated'] as const) {
      expect(parse(encodeEvent(type, JSON.stringify(task)))).toEqual({
        kind: 'operation',
        operation: { kind: 'index', id: task.id, version: 7, document: task },
      });
    }
  });

  it('asks to delete a deleted task when only id and version are given', () => {
    const value = JSON.stringify({ id: task.id, version: 8 });
    expect(parse(encodeEvent('tasks.event.deleted', value))).toEqual({
      kind: 'operation',
      operation: { kind: 'delete', id: task.id, version: 8 },
    });
  });

  it('ignores fields that a newer writer added', () => {
    const value = JSON.stringify({ ...task, colour: 'green', dates: { ...task.dates, reminder: null } });
    expect(parse(encodeEvent('tasks.event.updated', value))).toMatchObject({ operation: { document: task } });
  });

  it('takes a null value as the tombstone that follows a deletion', () => {
    expect(parse(null)).toEqual({ kind: 'tombstone' });
  });

  it.each([
    ['null_key', encodeEvent('tasks.event.created', JSON.stringify(task)), null],
    ['malformed_event', Buffer.from('{"type":'), task.id],
    ['malformed_event', Buffer.from([0x22, 0xff, 0xfe, 0x22]), task.id],
    ['schema_violation', Buffer.from('[]'), task.id],
    ['schema_violation', Buffer.from('{"value":{}}'), task.id],
    ['unknown_event_type', Buffer.from('{"type":"tasks.event.archived","value":{}}'), task.id],
    ['unknown_event_type', Buffer.from('{"type":"toString","value":{}}'), task.id],
    ['schema_violation', encodeEvent('tasks.event.created', '{"id":"x"}'), task.id],
    ['schema_violation', encodeEvent('tasks.event.updated', JSON.stringify({ ...task, version: 0 })), task.id],
    ['key_mismatch', encodeEvent('tasks.event.created', JSON.stringify(task)), 'another-key'],
  ])('calls a record poison with the reason %s', (reason, value, key) => {
    expect(reasonOf(parse(value, key))).toBe(reason);
  });

  it('names the field that is wrong', () => {
    const event = parse(encodeEvent('tasks.event.created', JSON.stringify({ ...task, priority: 'urgent' })));
    expect(event).toMatchObject({ error: { message: expect.stringContaining('priority') as string } });
  });
});
