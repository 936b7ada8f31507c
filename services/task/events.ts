/**
 * The wire contract between the API and the indexer: what a task is, and what an event on the topic `tasks` looks like.
 * Record key: the task id. Value: `{"type": …, "value": {…task}}` as UTF-8 JSON.
 * Headers: CloudEvents 1.0 in binary content mode (Kafka protocol binding, prefix `ce_`) and W3C `traceparent`.
 */
import { z } from 'zod';

export const PRIORITIES = ['none', 'low', 'medium', 'high'] as const;

/** Longest description, in characters: Unicode code points, as PostgreSQL, JSON Schema and most clients count. */
export const MAX_DESCRIPTION_LENGTH = 4_000;

const timestamp = z.iso.datetime({ offset: true });

export const taskSchema = z.object({
  id: z.uuid(),
  description: z.string().min(1),
  priority: z.enum(PRIORITIES),
  dates: z.object({ start: timestamp.nullable(), due: timestamp.nullable() }),
  isDone: z.boolean(),
  version: z.int().positive(),
  createdAt: timestamp,
  updatedAt: timestamp,
});

export type Task = z.infer<typeof taskSchema>;
export type Priority = Task['priority'];

/** What a deleted event must carry: enough to delete the right version. */
export const deletedTaskSchema = taskSchema.pick({ id: true, version: true });

export const EVENT_TYPES = ['tasks.event.created', 'tasks.event.updated', 'tasks.event.deleted'] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** True for a type that this version knows how to handle. */
export const isEventType = (type: string): type is EventType => (EVENT_TYPES as readonly string[]).includes(type);

/** The envelope, before its value is judged by the type's own schema. Unknown fields are ignored: newer writers add them. */
export const envelopeSchema = z.object({ type: z.string(), value: z.unknown() });

/** Serialises an event whose task is already JSON text, so that the relay need not parse what it only forwards. */
export const encodeEvent = (type: EventType, taskJson: string): Buffer =>
  Buffer.from(`{"type":${JSON.stringify(type)},"value":${taskJson}}`);

export interface EventMetadata {
  /** Unique for each change of each task, stable over redeliveries. */
  readonly id: string;
  readonly type: EventType;
  readonly taskId: string;
  /** RFC 3339 time of the change. */
  readonly time: string;
  /** W3C trace context of the request that made the change. */
  readonly traceparent: string | null;
}

/** What is the same in every event; made once, as the relay makes headers tens of thousands of times a second. */
const SPEC_VERSION = { ce_specversion: '1.0' };
const SOURCE = { ce_source: '/taskstream/api' };
const CONTENT_TYPE = { 'content-type': 'application/json' };

/**
 * Headers of an event record, in Kafka's form: a list of single-key objects.
 * Attribute names: CloudEvents Kafka protocol binding 1.0.2, section 3.2.3.
 */
export const encodeHeaders = ({ id, type, taskId, time, traceparent }: EventMetadata): Record<string, string>[] => [
  SPEC_VERSION,
  { ce_id: id },
  { ce_type: type },
  SOURCE,
  { ce_subject: taskId },
  { ce_time: time },
  CONTENT_TYPE,
  ...(traceparent === null ? [] : [{ traceparent }]),
];
