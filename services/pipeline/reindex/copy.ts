/** Copies all tasks of PostgreSQL into the index that is being filled. */
import { handlers } from '../../task/handlers/index.ts';
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
  { pool, progress }: Pick<ReindexContext, 'pool' | 'progress'>,
  { fill, rejects, pageSize, pace }: CopyOptions,
  signal: AbortSignal,
): Promise<number> => {
  let copied = 0;
  for await (const rows of walkRows(pool, pageSize)) {
    await sleep(pace(rows.length), signal);
    signal.throwIfAborted();
    await fill(
      rows.flatMap((row) => toOperation(row, rejects)),
      signal,
    );
    copied += rows.length;
    progress.advance(rows.length);
  }
  return copied;
};

/** What the indexer makes of an event with this task, so that both write the same document. */
const toOperation = ({ id, version, json }: TaskRow, rejects: Rejects): IndexOperation[] => {
  try {
    return [handlers['tasks.event.updated'](JSON.parse(json))];
  } catch (error) {
    rejects.add({ id, version, reason: messageOf(error) });
    return [];
  }
};
