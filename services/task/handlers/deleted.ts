import { deletedTaskSchema } from '../events.ts';
import { defineHandler } from './handler.ts';

/** A deleted task leaves the index; its version stays known there for `index.gc_deletes`. */
export const deleted = defineHandler(deletedTaskSchema, ({ id, version }) => ({ kind: 'delete', id, version }));
