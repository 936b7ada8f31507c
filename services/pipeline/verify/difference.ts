/** What the two stores can say about one task, and what it is called when they disagree. */

/** An id with its version: a row of PostgreSQL, or a document of Elasticsearch. */
export interface Entry {
  readonly id: string;
  readonly version: number;
}

/** The version of a task's row and of its document; nothing where there is none. */
export interface Pair {
  readonly id: string;
  readonly row: number | undefined;
  readonly document: number | undefined;
}

/** A row without a document; a document older or newer than its row; a document without a row. */
export const DRIFT_KINDS = ['missing', 'stale', 'ahead', 'surplus'] as const;
export type DriftKind = (typeof DRIFT_KINDS)[number];

/** @returns nothing when both stores agree */
export const kindOf = ({ row, document }: Pair): DriftKind | undefined => {
  if (row === document) return undefined;
  if (document === undefined) return 'missing';
  if (row === undefined) return 'surplus';
  return document < row ? 'stale' : 'ahead';
};

const ROW_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether it can be the id of a row: a UUID as PostgreSQL prints it. */
export const isRowId = (id: string): boolean => ROW_ID.test(id);

/**
 * Whether a change above this version can be written down as an event. Versions are numbers of JSON, exact up to 2^53;
 * Elasticsearch takes up to 2^63.
 */
export const canBeExceeded = (version: number): boolean => version < Number.MAX_SAFE_INTEGER;
