/**
 * The wire format of events, whatever they are about.
 * Record key: the id. Value: `{"type": …, "value": {…}}` as UTF-8 JSON; the value names its version and schema version.
 * Headers: CloudEvents 1.0 in binary content mode (Kafka protocol binding, prefix `ce_`) and W3C `traceparent`.
 */
import { z } from 'zod';

/** The envelope, before its value is judged by its entity. Unknown fields are ignored: newer writers add them. */
export const envelopeSchema = z.object({ type: z.string(), value: z.unknown() });

/** What every value carries, and all that a deleted one must. Writers before schema versions wrote none: 1. */
export const versionedSchema = z.object({
  id: z.uuid(),
  version: z.int().positive(),
  schemaVersion: z.int().positive().default(1),
});

/** Serialises an event whose value is already JSON text, so that the relay need not parse what it only forwards. */
export const encodeEvent = (type: string, json: string): Buffer =>
  Buffer.from(`{"type":${JSON.stringify(type)},"value":${json}}`);

export interface EventMetadata {
  /** Unique for each change, stable over redeliveries. */
  readonly id: string;
  readonly type: string;
  /** Id of what has changed. */
  readonly subject: string;
  /** RFC 3339 time of the change. */
  readonly time: string;
  /** W3C trace context of the request that made the change. */
  readonly traceparent: string | null;
}

/** The same in every event; created once, as the relay encodes headers tens of thousands of times a second. */
const SPEC_VERSION = { ce_specversion: '1.0' };
const SOURCE = { ce_source: '/taskstream/api' };
const CONTENT_TYPE = { 'content-type': 'application/json' };

/**
 * Headers of an event record, in Kafka's form: a list of single-key objects.
 * Attribute names: CloudEvents Kafka protocol binding 1.0.2, section 3.2.3.
 */
export const encodeHeaders = ({ id, type, subject, time, traceparent }: EventMetadata): Record<string, string>[] => [
  SPEC_VERSION,
  { ce_id: id },
  { ce_type: type },
  SOURCE,
  { ce_subject: subject },
  { ce_time: time },
  CONTENT_TYPE,
  ...(traceparent === null ? [] : [{ traceparent }]),
];
