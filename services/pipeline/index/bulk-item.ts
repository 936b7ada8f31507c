/** The meaning of one item of a bulk response. */
import { TaskstreamError } from '../../platform/errors.ts';
import type { Outcome } from './operation.ts';

/** The fields of a bulk item that decide its fate. */
export interface BulkItem {
  readonly status?: number;
  readonly error?: {
    readonly type?: string;
    readonly reason?: string | null;
    readonly caused_by?: { readonly reason?: string | null };
  };
}

export type Verdict = Outcome | { readonly kind: 'retry'; readonly reason: string };

/**
 * Errors that speak of the cluster's state and not of the document, whatever their status:
 * an operator's write block, a missing alias, a lost permission. They end, and the document is as good as before.
 */
const ENVIRONMENT_ERRORS = new Set([
  'cluster_block_exception',
  'index_not_found_exception',
  'index_closed_exception',
  'security_exception',
  'unavailable_shards_exception',
  'es_rejected_execution_exception',
  'circuit_breaking_exception',
]);

/** Judges one item; an item that the response lacks is retried. */
export const judgeItem = (entry: Partial<Record<string, BulkItem>> | undefined, attempts: number): Verdict => {
  const [action, item] = Object.entries(entry ?? {})[0] ?? [];
  const status = item?.status;
  if (item === undefined || status === undefined) return { kind: 'retry', reason: 'no outcome in the bulk response' };
  const { error } = item;
  if (error === undefined) {
    // A delete that finds nothing has status 404 and no error: the document is gone, and its version is noted.
    if (action === 'delete') return { kind: status === 404 ? 'stale' : 'deleted' };
    return { kind: 'indexed' };
  }
  const type = error.type ?? 'unknown';
  if (status === 409) return { kind: 'stale' };
  const explanation = [error.reason, error.caused_by?.reason].filter((part) => part).join(': ');
  const reason = `${type}: ${explanation}`;
  if (status === 429 || status >= 500 || ENVIRONMENT_ERRORS.has(type)) return { kind: 'retry', reason };
  return { kind: 'rejected', error: new TaskstreamError('rejected_by_index', reason), attempts };
};
