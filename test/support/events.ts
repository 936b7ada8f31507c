/** Tasks and Kafka records for tests. */
import { v7 as uuidv7 } from 'uuid';
import { encodeEvent, encodeHeaders } from '../../services/pipeline/events.ts';
import type { EventType } from '../../services/task/entity.ts';
import { initialsOf } from '../../services/pipeline/field.ts';
import { TASK_SCHEMA_VERSION, taskFields } from '../../services/task/fields.ts';
import type { Task } from '../../services/task/task.ts';
import type { Message } from '../../services/platform/kafka/native.ts';
import type { ProducerRecord } from '../../services/platform/kafka/producer.ts';
import { creationOf } from './sample.ts';

/** A valid task; fields can be replaced. */
export const taskOf = (fields: Partial<Task> = {}): Task => ({
  ...(initialsOf(taskFields) as Omit<Task, 'id'>),
  id: uuidv7(),
  ...creationOf('water the plants'),
  version: 1,
  schemaVersion: TASK_SCHEMA_VERSION,
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:00.000Z',
  ...fields,
});

/** The record that the relay makes of a change. */
export const eventRecord = (type: EventType, task: Task): ProducerRecord => ({
  key: task.id,
  value: encodeEvent(type, JSON.stringify(task)),
  headers: encodeHeaders({
    id: `${task.id}:${task.version}`,
    type,
    subject: task.id,
    time: new Date().toISOString(),
    traceparent: null,
    tracestate: null,
  }),
});

const DEPTH = 100_000;

/** A record that can be read, and whose value is nested too deep to be written again. */
export const deepEvent = (): ProducerRecord => {
  const task = taskOf();
  const json = JSON.stringify(task).replace(/\}$/, `,"deep":${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}}`);
  return { key: task.id, value: encodeEvent('tasks.event.created', json), headers: [] };
};

/** A record as the consumer hands it out. */
export const messageOf = (fields: Partial<Message> = {}): Message => ({
  topic: 'tasks',
  partition: 0,
  offset: 0,
  key: null,
  value: null,
  size: 0,
  ...fields,
});

/** Versions of a task in the order of its records, each once: a redelivery repeats some. */
export const versionsOf = (messages: readonly Message[], taskId: string): number[] => {
  const versions = messages
    .filter(({ key, value }) => key?.toString() === taskId && value !== null)
    .map(({ value }) => (JSON.parse(String(value)) as { value: { version: number } }).value.version);
  return [...new Set(versions)];
};
