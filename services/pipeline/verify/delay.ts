/**
 * The pipeline's delay: when a difference can no longer be explained by a change that is on its way.
 * A change is in the outbox until the broker has it, and in the topic until the group has committed past it.
 */
import type { Pool } from 'pg';
import { isDatabaseOutage } from '../../platform/postgres-outage.ts';
import { retry } from '../../platform/retry.ts';
import { READ_ATTEMPTS, type ReadOptions } from '../pages.ts';
import { isRowId } from '../rows.ts';
import { isPublished, lastInOutbox } from '../write/outbox.ts';
import type { GroupOffsets } from './offsets.ts';

export interface Delay {
  /**
   * @returns a function that says whether all changes of these tasks that were committed before this call are indexed; once it
   * has said so it need not be asked again
   */
  begin(ids: readonly string[]): Promise<() => Promise<boolean>>;
}

export interface DelayOptions {
  readonly pool: Pool;
  /** Without them only time decides. */
  readonly offsets: GroupOffsets | undefined;
  /** The time that decides then, in milliseconds. */
  readonly graceMs: number;
  readonly onRetry: ReadOptions['onRetry'];
}

export const createDelay = ({ pool, offsets, graceMs, onRetry }: DelayOptions): Delay => {
  const ask = <T>(work: () => Promise<T>, isRetriable = isDatabaseOutage): Promise<T> =>
    retry(work, { ...READ_ATTEMPTS, onRetry, isRetriable });
  const areOut = (ids: readonly string[], last: string) => ask(() => isPublished(pool, ids, last));
  return {
    begin: async (ids) => {
      const rowIds = ids.filter(isRowId);
      const startedAt = performance.now();
      const last = await ask(() => lastInOutbox(pool));
      let publishedAt = (await areOut(rowIds, last)) ? startedAt : undefined;
      let ends: ReadonlyMap<number, number> | undefined;
      return async () => {
        if (publishedAt === undefined) {
          if (!(await areOut(rowIds, last))) return false;
          publishedAt = performance.now();
        }
        if (offsets === undefined) {
          // What left the outbox in the second half of the time may still be in the topic at its end.
          return publishedAt - startedAt <= graceMs / 2 && performance.now() - startedAt >= graceMs;
        }
        const reached = async (): Promise<boolean> => offsets.hasReached((ends ??= await offsets.ends()));
        // A broker that restarts is no reason to end a run.
        return ask(reached, () => true);
      };
    },
  };
};
