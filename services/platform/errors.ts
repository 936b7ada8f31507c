/**
 * The one error class of the services.
 * `services/platform/http/problem.ts` maps a code to an HTTP status, `services/pipeline/dead-letters/writer.ts` to a dead-letter reason.
 */

/** Why an event can never be indexed. `internal` is among them: a handler that throws must not stop its partition. */
export const POISON_CODES = [
  'null_key',
  'malformed_event',
  'unknown_event_type',
  'schema_violation',
  'key_mismatch',
  'rejected_by_index',
  'document_too_large',
  'internal',
] as const;

export type ErrorCode =
  // The caller's fault.
  | 'malformed_json'
  | 'validation_failed'
  | 'unsupported_media_type'
  | 'payload_too_large'
  | `${string}_not_found`
  | 'method_not_allowed'
  | 'precondition_failed'
  | 'idempotency_key_reused'
  | 'page_too_deep'
  | 'cursor_invalid'
  | 'rate_limited'
  | 'foreign_origin'
  | 'unauthenticated'
  | 'insufficient_scope'
  // A server we depend on is away or refuses.
  | 'database_unavailable'
  | 'search_unavailable'
  | 'outbox_full'
  | 'broker_unavailable'
  | 'issuer_unavailable'
  | 'console_unavailable'
  // An event that can never be indexed.
  | (typeof POISON_CODES)[number]
  // Ours.
  | 'invalid_configuration'
  | 'stopped';

export interface ErrorOptions {
  /** True when the same call may succeed later without a change. */
  readonly retriable?: boolean;
  readonly cause?: unknown;
  /** Seconds after which a retry makes sense. */
  readonly retryAfterSeconds?: number;
  /** Single faults, such as one for each field of a request body. */
  readonly details?: readonly ErrorDetail[];
  /** Further facts for the caller, such as the current version of a task. */
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** One fault; `path` points into the input, such as `dates.start`. */
export interface ErrorDetail {
  readonly path: string;
  readonly message: string;
}

export class TaskstreamError extends Error {
  override readonly name = 'TaskstreamError';
  readonly code: ErrorCode;
  readonly retriable: boolean;
  readonly retryAfterSeconds: number | undefined;
  readonly details: readonly ErrorDetail[];
  readonly extensions: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retriable = options.retriable ?? false;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.details = options.details ?? [];
    this.extensions = options.extensions ?? {};
  }
}

/** The message of anything that was thrown. */
export const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  // Node reports a refused connection to a name with two addresses as an AggregateError without a message.
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map((inner: unknown) => messageOf(inner)).join('; ');
  }
  return error.message;
};

/** Code of an error: a system's or PostgreSQL's is text, Kafka's a number, negative for those of librdkafka itself. */
export const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
