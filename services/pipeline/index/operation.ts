/** What an event asks of the index, and what became of it. */
import type { TaskstreamError } from '../../platform/errors.ts';

/** A write of one document under its row's version: an older version than the index holds changes nothing. */
export type IndexOperation =
  | {
      readonly kind: 'index';
      readonly id: string;
      readonly version: number;
      /** Of the document: an index with an older one may not know all of its fields yet. */
      readonly schemaVersion: number;
      readonly document: unknown;
    }
  | { readonly kind: 'delete'; readonly id: string; readonly version: number };

/** An operation as `_bulk` takes it. It no longer holds the document, which its text stands for. */
export interface EncodedOperation {
  readonly kind: IndexOperation['kind'];
  readonly id: string;
  readonly version: number;
  /** Of the document; 0 for a deletion, which any index understands. */
  readonly schemaVersion: number;
  readonly lines: readonly string[];
  /** Length of the lines in UTF-8, with their line ends. */
  readonly bytes: number;
}

export const encodeOperation = (operation: IndexOperation): EncodedOperation => {
  const { kind, id, version } = operation;
  const schemaVersion = operation.kind === 'index' ? operation.schemaVersion : 0;
  const target = JSON.stringify({ [kind]: { _id: id, version, version_type: 'external' } });
  const lines = operation.kind === 'index' ? [target, JSON.stringify(operation.document)] : [target];
  const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
  return { kind, id, version, schemaVersion, lines, bytes };
};

/**
 * What became of an operation.
 * All but `pending` are final: `stale` means that the index already held this version or a newer one, `rejected` that
 * no retry can help, `pending` that the caller gave up waiting.
 */
export type Outcome =
  | { readonly kind: 'indexed' | 'deleted' | 'stale' }
  | { readonly kind: 'rejected'; readonly error: TaskstreamError; readonly attempts: number }
  | { readonly kind: 'pending' };
