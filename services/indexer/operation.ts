/** What an event asks of the index, and what became of it. */
import type { Task } from '../shared/events.ts';
import type { TaskstreamError } from '../shared/errors.ts';

/** A write of one document under its row's version: an older version than the index holds changes nothing. */
export type IndexOperation =
  | { readonly kind: 'index'; readonly id: string; readonly version: number; readonly document: Task }
  | { readonly kind: 'delete'; readonly id: string; readonly version: number };

/**
 * What became of an operation.
 * All but `pending` are final: `stale` means that the index already held this version or a newer one, `rejected` that
 * no retry can help, `pending` that the caller gave up waiting.
 */
export type Outcome =
  | { readonly kind: 'indexed' | 'deleted' | 'stale' }
  | { readonly kind: 'rejected'; readonly error: TaskstreamError; readonly attempts: number }
  | { readonly kind: 'pending' };
