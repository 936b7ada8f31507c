/** What an event asks of the index, and what became of it. */
import type { TaskstreamError } from '../../platform/errors.ts';
import { deletionMarker } from './deletion.ts';

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
  | {
      /** Writes a deletion marker in place of the document. */
      readonly kind: 'delete';
      readonly id: string;
      readonly version: number;
      /** RFC 3339 time of the deletion: the marker stays for a time that begins then. */
      readonly deletedAt: string;
      /**
       * True where a deletion of the same version gives way to the marker: one that wrote none, and which the shard still
       * remembers, or the event of which this is the tombstone, and which wrote the same marker.
       */
      readonly replacesEqual?: boolean;
    }
  /** Removes a document or a marker for good, unless the index has a newer version than this one. */
  | { readonly kind: 'purge'; readonly id: string; readonly version: number };

/** An operation as `_bulk` takes it. It no longer holds the document, which its text stands for. */
export interface EncodedOperation {
  readonly kind: IndexOperation['kind'];
  readonly id: string;
  readonly version: number;
  /** Of the document; 0 without one. */
  readonly schemaVersion: number;
  readonly lines: readonly string[];
  /** Length of the lines in UTF-8, with their line ends. */
  readonly bytes: number;
}

export const encodeOperation = (operation: IndexOperation): EncodedOperation => {
  const { kind, id, version } = operation;
  const schemaVersion = operation.kind === 'index' ? operation.schemaVersion : 0;
  const document = documentOf(operation);
  const lines =
    document === undefined
      ? [JSON.stringify({ delete: { _id: id, version, version_type: 'external_gte' } })]
      : [
          JSON.stringify({ index: { _id: id, version, version_type: typeOfVersion(operation) } }),
          JSON.stringify(document),
        ];
  const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
  return { kind, id, version, schemaVersion, lines, bytes };
};

const typeOfVersion = (operation: IndexOperation): 'external' | 'external_gte' =>
  operation.kind === 'delete' && operation.replacesEqual === true ? 'external_gte' : 'external';

const documentOf = (operation: IndexOperation): unknown => {
  if (operation.kind === 'purge') return undefined;
  return operation.kind === 'index' ? operation.document : deletionMarker(operation);
};

/**
 * What became of an operation.
 * All but `pending` are final: `stale` means that the index already held this version or a newer one, `rejected` that
 * no retry can help, `pending` that the caller gave up waiting.
 */
export type Outcome =
  | { readonly kind: 'indexed' | 'deleted' | 'stale' }
  | {
      readonly kind: 'rejected';
      readonly error: TaskstreamError;
      readonly attempts: number;
      /** True when the mapping lacks a field that came with the document. */
      readonly hasUnknownField: boolean;
    }
  | { readonly kind: 'pending' };
