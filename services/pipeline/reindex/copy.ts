/** Copies all rows of PostgreSQL into the index that is being filled. */
import { messageOf } from '../../platform/errors.ts';
import { sleep } from '../../platform/time.ts';
import { indexOperation } from '../consume/parse-event.ts';
import type { Entity } from '../entity.ts';
import { encodeOperation, type EncodedOperation } from '../index/operation.ts';
import type { Row, RowReader } from '../rows.ts';
import type { ReindexContext } from './context.ts';
import type { Fill, Rejects } from './fill.ts';

export interface CopyOptions {
  readonly fill: Fill;
  readonly rejects: Rejects;
  readonly pageSize: number;
  /** How long to wait before so many more documents, in milliseconds. */
  readonly pace: (documents: number) => number;
}

/** @returns the number of rows */
export const copyRows = async (
  { entity, progress }: Pick<ReindexContext, 'entity' | 'progress'>,
  rows: RowReader,
  { fill, rejects, pageSize, pace }: CopyOptions,
  signal: AbortSignal,
): Promise<number> => {
  let copied = 0;
  for await (const page of rows.pages(pageSize)) {
    await sleep(pace(page.length), signal);
    signal.throwIfAborted();
    await fill(
      page.flatMap((row) => operationOf(entity, row, rejects)),
      signal,
    );
    copied += page.length;
    progress.advance(page.length);
  }
  return copied;
};

/**
 * Copies the recorded deletions as markers: a late event must not bring back in the new index what the old one knows to be
 * deleted.
 */
export const copyDeletions = async (
  rows: RowReader,
  { fill, pageSize, pace }: Omit<CopyOptions, 'rejects'>,
  signal: AbortSignal,
): Promise<void> => {
  for await (const page of rows.deletionPages(pageSize)) {
    await sleep(pace(page.length), signal);
    signal.throwIfAborted();
    await fill(
      page.flatMap(({ id, version, deletedAt }) =>
        deletedAt === null ? [] : [encodeOperation({ kind: 'delete', id, version, deletedAt })],
      ),
      signal,
    );
  }
};

/** What the indexer writes for an event with this row, so that both write the same document. */
const operationOf = (entity: Entity, { id, version, json }: Row, rejects: Rejects): EncodedOperation[] => {
  try {
    return [encodeOperation(indexOperation(JSON.parse(json), entity))];
  } catch (error) {
    rejects.add({ id, version, reason: messageOf(error) });
    return [];
  }
};
