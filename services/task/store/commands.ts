/** What a request asks of the task store, and what comes back. */
import type { ExpectedVersions } from '../../platform/http/etag.ts';
import type { Priority } from '../events.ts';

/** The changeable fields of a task; timestamps are RFC 3339 in UTC. */
export interface TaskFields {
  readonly description: string;
  readonly priority: Priority;
  readonly start: string | null;
  readonly due: string | null;
}

export interface CreateTask extends TaskFields {
  readonly id: string;
  readonly traceparent: string | null;
  readonly idempotency: { readonly key: string; readonly requestHash: string } | undefined;
}

export interface UpdateTask extends TaskFields {
  readonly id: string;
  readonly isDone: boolean;
  readonly expected: ExpectedVersions;
  readonly traceparent: string | null;
}

export interface DeleteTask {
  readonly id: string;
  readonly expected: ExpectedVersions;
  readonly traceparent: string | null;
}

/** A task as PostgreSQL made it: JSON text that goes into answers as it is, and the fields that headers need. */
export interface StoredTask {
  readonly id: string;
  readonly version: number;
  readonly json: string;
}
