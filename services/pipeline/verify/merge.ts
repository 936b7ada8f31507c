/** A merge join: two streams in the same order, read once and side by side, of which only the heads are held. */
import type { Entry, Pair } from './difference.ts';

/**
 * Every id of either stream once, with both versions.
 * @param rows and `documents` are in ascending order of id, each id at most once
 */
export const mergeJoin = async function* (
  rows: AsyncIterator<Entry>,
  documents: AsyncIterator<Entry>,
): AsyncGenerator<Pair> {
  const next = async (entries: AsyncIterator<Entry>): Promise<Entry | undefined> => {
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
      row: takesRow ? row?.version : undefined,
      document: takesDocument ? document?.version : undefined,
    };
    if (takesRow) row = await next(rows);
    if (takesDocument) document = await next(documents);
  }
};
