import { taskSchema } from '../events.ts';
import { defineHandler } from './handler.ts';

/** A new task is indexed. */
export const created = defineHandler(taskSchema, (task) => ({
  kind: 'index',
  id: task.id,
  version: task.version,
  document: task,
}));
