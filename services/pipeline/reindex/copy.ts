/** Copies all tasks of PostgreSQL into the index that is being filled. */
import { toOperation } from '../consume/parse-event.ts';
import type { Entity } from '../entity.ts';
import type { IndexOperation } from '../index/operation.ts';
import { messageOf } from '../../platform/errors.ts';
import { sleep } from '../../platform/time.ts';
import type { ReindexContext } from './context.ts';
import type { Fill } from './fill.ts';
import type { Rejects } from './rejects.ts';
import { walkRows, type TaskRow } from './rows.ts';

export interface CopyOptions {
  readonly fill: Fill;
  readonly rejects: Rejects;
  readonly pageSize: number;
  /** How long to wait before so many more documents, in milliseconds. */
  readonly pace: (documents: number) => number;
}

/** @returns the number of tasks */
export const copyRows = async (
  { entity, pool, progress }: Pick<ReindexContext, 'entity' | 'pool' | 'progress'>,
  { fill, rejects, pageSize, pace }: CopyOptions,
  signal: AbortSignal,
): Promise<number> => {
  let copied = 0;
  for await (const rows of walkRows(pool, entity, pageSize)) {
    await sleep(pace(rows.length), signal);
    signal.throwIfAborted();
    await fill(
      rows.flatMap((row) => operationOf(entity, row, rejects)),
      signal,
    );
    copied += rows.length;
    progress.advance(rows.length);
  }
  return copied;
};

/** What the indexer writes for an event with this row, so that both write the same document. */
const operationOf = (entity: Entity, { id, version, json }: TaskRow, rejects: Rejects): IndexOperation[] => {
  try {
    return [toOperation(JSON.parse(json), 'index', entity)];
  } catch (error) {
    rejects.add({ id, version, reason: messageOf(error) });
    return [];
  }
};
