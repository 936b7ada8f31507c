/**
 * The wire format of events, whatever they are about.
 * Record key: the id. Value: `{"type": …, "value": {…}}` as UTF-8 JSON; the value names its version and schema version.
 * Headers: CloudEvents 1.0 in binary content mode (Kafka protocol binding, prefix `ce_`) and W3C trace context.
 */
import { z } from 'zod';
import { headerOf } from '../platform/kafka/headers.ts';
import type { Message } from '../platform/kafka/native.ts';
import type { TraceHeaders } from '../platform/telemetry.ts';
import { idSchema } from './id.ts';

/** The envelope, before its value is judged by its entity. Unknown fields are ignored: newer writers add them. */
export const envelopeSchema = z.object({ type: z.string(), value: z.unknown() });

/** What every value carries, and all that a deleted one must. Writers before schema versions wrote none: 1. */
export const versionedSchema = z.object({
  id: idSchema,
  version: z.int().positive(),
  schemaVersion: z.int().positive().default(1),
});

/** Serialises an event whose value is already JSON text, so that the relay need not parse what it only forwards. */
export const encodeEvent = (type: string, json: string): Buffer =>
  Buffer.from(`{"type":${JSON.stringify(type)},"value":${json}}`);

export interface EventMetadata extends TraceHeaders {
  /** Unique for each change, stable over redeliveries. */
  readonly id: string;
  readonly type: string;
  /** Id of what has changed. */
  readonly subject: string;
  /** RFC 3339 time of the change. */
  readonly time: string;
}

/** The same in every event; created once, as the relay encodes headers tens of thousands of times a second. */
const SPEC_VERSION = { ce_specversion: '1.0' };
const SOURCE = { ce_source: '/taskstream/api' };
const CONTENT_TYPE = { 'content-type': 'application/json' };

/**
 * Headers of an event record, in Kafka's form: a list of single-key objects.
 * Attribute names: CloudEvents Kafka protocol binding 1.0.2, section 3.2.3.
 */
export const encodeHeaders = ({
  id,
  type,
  subject,
  time,
  traceparent,
  tracestate,
}: EventMetadata): Record<string, string>[] => [
  SPEC_VERSION,
  { ce_id: id },
  { ce_type: type },
  SOURCE,
  { ce_subject: subject },
  { ce_time: time },
  CONTENT_TYPE,
  ...(traceparent === null ? [] : [{ traceparent }]),
  ...(tracestate === null ? [] : [{ tracestate }]),
];

/** Name of the tombstone's header with the version that the deletion made. */
const VERSION_HEADER = 'version';

/**
 * Headers of the tombstone that follows a deletion. With its version it is a deletion by itself: whoever reads the topic
 * after compaction has taken the event still learns of it.
 */
export const encodeTombstoneHeaders = (version: string, time: string): Record<string, string>[] => [
  { [VERSION_HEADER]: version },
  { ce_time: time },
];

/** The version in a tombstone's headers; nothing for one that only lets compaction forget a key. */
export const tombstoneVersion = (message: Message): number | undefined => {
  const text = headerOf(message, VERSION_HEADER) ?? '';
  const version = /^[1-9]\d{0,15}$/.test(text) ? Number(text) : 0;
  return Number.isSafeInteger(version) && version > 0 ? version : undefined;
};

/** What each header of a versioned tombstone is, as JSON Schema. */
export const TOMBSTONE_HEADERS = {
  [VERSION_HEADER]: { description: 'Version that the deletion made, as in its event.', pattern: '^[1-9][0-9]*$' },
  ce_time: { description: 'When the deletion was written.', format: 'date-time' },
} as const;

/** What each header of an event is, as JSON Schema: `encodeHeaders` for readers. */
export const ENVELOPE_HEADERS: Readonly<
  Record<string, { readonly description: string; readonly const?: string; readonly format?: string }>
> = {
  ce_specversion: { description: 'Version of CloudEvents.', const: SPEC_VERSION.ce_specversion },
  ce_id: { description: 'Unique for each change: id and version. The same in every repetition.' },
  ce_type: { description: 'Type of the event, as in the value.' },
  ce_source: { description: 'Who published it.', const: SOURCE.ce_source },
  ce_subject: { description: 'Id of what has changed, as in the key.', format: 'uuid' },
  ce_time: { description: 'When the change was written.', format: 'date-time' },
  'content-type': { description: 'Of the value.', const: CONTENT_TYPE['content-type'] },
  traceparent: { description: 'W3C trace context of the request that made the change.' },
  tracestate: { description: 'What the tracing systems of its callers added to that context.' },
};
