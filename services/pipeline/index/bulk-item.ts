/** The meaning of one item of a bulk response. */
import { TaskstreamError } from '../../platform/errors.ts';
import type { IndexOperation, Outcome } from './operation.ts';

/** The fields of a bulk item that decide its fate. */
export interface BulkItem {
  readonly status?: number;
  readonly error?: {
    readonly type?: string;
    readonly reason?: string | null;
    readonly caused_by?: { readonly type?: string; readonly reason?: string | null };
  };
}

export type Verdict = Outcome | { readonly kind: 'retry'; readonly reason: string };

/** A field that the mapping lacks. */
const UNKNOWN_FIELD = 'strict_dynamic_mapping_exception';

/**
 * Errors that say that this document can never be indexed: they come from parsing it. All others, those of later versions
 * of Elasticsearch among them, speak of the index or the cluster (a write block, a missing pipeline or alias, a lost
 * permission); they end, and the document is as good as before.
 * Names: classes in `org.elasticsearch.index.mapper` and, for the last one, Lucene's `BytesRefHash`, in snake case.
 */
const DOCUMENT_ERRORS: ReadonlySet<string | undefined> = new Set([
  // 8.8 and later: a value that does not fit its field, JSON that cannot be read. Before: mapper_parsing_exception.
  'document_parsing_exception',
  'mapper_parsing_exception',
  UNKNOWN_FIELD,
]);

/** As the cause of an `illegal_argument_exception`, which alone says nothing: a keyword above Lucene's 32,766 bytes. */
const IMMENSE_TERM = 'max_bytes_length_exceeded_exception';

/**
 * Judges one item; an item that the response lacks is retried.
 * @param operation what was asked
 */
export const judgeItem = (
  entry: Partial<Record<string, BulkItem>> | undefined,
  operation: IndexOperation['kind'],
  attempts: number,
): Verdict => {
  const [action, item] = Object.entries(entry ?? {})[0] ?? [];
  const status = item?.status;
  if (item === undefined || status === undefined) return { kind: 'retry', reason: 'no outcome in the bulk response' };
  const { error } = item;
  if (error === undefined) {
    // A purge that finds nothing has status 404 and no error.
    if (action === 'delete') return { kind: status === 404 ? 'stale' : 'deleted' };
    return { kind: operation === 'index' ? 'indexed' : 'deleted' };
  }
  const type = error.type ?? 'unknown';
  if (status === 409) return { kind: 'stale' };
  const explanation = [error.reason, error.caused_by?.reason].filter((part) => part).join(': ');
  const reason = `${type}: ${explanation}`;
  if (status === 400 && (DOCUMENT_ERRORS.has(type) || error.caused_by?.type === IMMENSE_TERM)) {
    return {
      kind: 'rejected',
      error: new TaskstreamError('rejected_by_index', reason),
      attempts,
      hasUnknownField: type === UNKNOWN_FIELD,
    };
  }
  return { kind: 'retry', reason };
};
