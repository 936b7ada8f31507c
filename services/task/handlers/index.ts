/** The handlers by event type: an event type without a handler does not compile. */
import type { EventType } from '../events.ts';
import { created } from './created.ts';
import { deleted } from './deleted.ts';
import type { Handler } from './handler.ts';
import { updated } from './updated.ts';

export const handlers = {
  'tasks.event.created': created,
  'tasks.event.updated': updated,
  'tasks.event.deleted': deleted,
} satisfies Record<EventType, Handler>;
