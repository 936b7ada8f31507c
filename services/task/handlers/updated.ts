import { taskSchema } from '../events.ts';
import { defineHandler } from './handler.ts';

/** A changed task replaces its document: the event carries the whole task, so an update needs no earlier event. */
export const updated = defineHandler(taskSchema, (task) => ({
  kind: 'index',
  id: task.id,
  version: task.version,
  document: task,
}));
