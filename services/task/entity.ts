/** The task as the pipeline carries it. */
import type { Effect, Entity } from '../pipeline/entity.ts';
import { laterInitialsOf, mappingOf, valueSchema } from '../pipeline/field.ts';
import { TASK_SCHEMA_VERSION, taskFields } from './fields.ts';

/** Types of the events of a task. */
export const EVENT_TYPES = ['tasks.event.created', 'tasks.event.updated', 'tasks.event.deleted'] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export const taskEntity = {
  name: 'task',
  table: 'tasks',
  rowToJson: 'task_json',
  types: { created: 'tasks.event.created', updated: 'tasks.event.updated', deleted: 'tasks.event.deleted' },
  // An event type without an effect does not compile.
  effects: {
    'tasks.event.created': 'index',
    'tasks.event.updated': 'index',
    'tasks.event.deleted': 'delete',
  } satisfies Record<EventType, Effect>,
  schemaVersion: TASK_SCHEMA_VERSION,
  value: valueSchema(taskFields),
  initials: laterInitialsOf(taskFields),
  mapping: mappingOf(taskFields),
  isOwned: true,
  keyScope: '',
} as const satisfies Entity;
