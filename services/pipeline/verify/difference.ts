/** The states of both stores side by side: a merge join of all of them, and the kinds of difference. */
import type { IdentifiedState, State } from '../rows.ts';

/** The state of a row and of its document; nothing where there is none. A deletion's marker is its document. */
export interface Pair {
  readonly id: string;
  readonly row: State | undefined;
  readonly document: State | undefined;
}

/**
 * A row without a document, or a deletion without its marker; a document older or newer than its row; a document without
 * a row.
 */
export const VERSION_KINDS = ['missing', 'stale', 'ahead', 'surplus'] as const;

/** The last one: a document that says something else than the row of its version. */
export const DRIFT_KINDS = [...VERSION_KINDS, 'content'] as const;
export type DriftKind = (typeof DRIFT_KINDS)[number];

export const isDeleted = ({ deletedAt }: State): boolean => deletedAt !== null;

/** @returns nothing when both stores agree; so does a marker whose record is gone, which only waits for its purge */
export const kindOf = ({ row, document }: Pair): DriftKind | undefined => {
  if (row === undefined) return document === undefined || isDeleted(document) ? undefined : 'surplus';
  if (document === undefined) return 'missing';
  if (isDeleted(row)) {
    if (!isDeleted(document)) return 'surplus';
    return document.version < row.version ? 'stale' : undefined;
  }
  if (document.version === row.version) return isDeleted(document) ? 'ahead' : undefined;
  return document.version < row.version ? 'stale' : 'ahead';
};

/**
 * Whether a change above this version can be written down as an event. Versions are numbers of JSON, exact up to 2^53;
 * Elasticsearch takes up to 2^63.
 */
export const canBeExceeded = (version: number): boolean => version < Number.MAX_SAFE_INTEGER;

/** Of all kinds together. */
export const sumOf = (numbers: Readonly<Record<DriftKind, number>>): number =>
  DRIFT_KINDS.reduce((sum, kind) => sum + numbers[kind], 0);

/**
 * A merge join: two streams in the same order, read once and side by side, of which only the heads are held.
 * Yields every id of either stream once, with both states.
 * @param rows and `documents` are in ascending order of id, each id at most once
 */
export const mergeJoin = async function* (
  rows: AsyncIterator<IdentifiedState>,
  documents: AsyncIterator<IdentifiedState>,
): AsyncGenerator<Pair> {
  const next = async (entries: AsyncIterator<IdentifiedState>): Promise<IdentifiedState | undefined> => {
    const result = await entries.next();
    return result.done === true ? undefined : result.value;
  };
  let row = await next(rows);
  let document = await next(documents);
  while (row !== undefined || document !== undefined) {
    // The lower id is the one that the other stream may lack.
    const takesRow = row !== undefined && (document === undefined || row.id <= document.id);
    const takesDocument = document !== undefined && (row === undefined || document.id <= row.id);
    yield {
      id: (takesRow ? row?.id : document?.id) ?? '',
      row: takesRow ? row : undefined,
      document: takesDocument ? document : undefined,
    };
    if (takesRow) row = await next(rows);
    if (takesDocument) document = await next(documents);
  }
};
