/**
 * The pipeline's delay: when a difference can no longer be explained by a change that is on its way.
 * A change is in the outbox until the broker has it, and in the topic until the group has committed past it.
 */
import type { Pool } from 'pg';
import { isDatabaseOutage } from '../../platform/postgres-outage.ts';
import { isRowId } from './difference.ts';
import type { GroupOffsets } from './offsets.ts';
import { patiently } from './pages.ts';

export interface Delay {
  /**
   * @returns what tells whether all changes of these tasks that were committed before this call are indexed; once it
   * has said so it need not be asked again
   */
  begin(ids: readonly string[]): Promise<() => Promise<boolean>>;
}

export interface DelayOptions {
  readonly pool: Pool;
  /** Without them only time tells. */
  readonly offsets: GroupOffsets | undefined;
  /** The time that tells then, in milliseconds. */
  readonly graceMs: number;
}

export const createDelay = ({ pool, offsets, graceMs }: DelayOptions): Delay => {
  const lastOfOutbox = async (): Promise<string> => {
    const { rows } = await patiently(
      () => pool.query<{ last: string }>('SELECT coalesce(max(id), 0)::text AS last FROM outbox'),
      isDatabaseOutage,
    );
    return rows[0]?.last ?? '0';
  };
  const isPublished = async (ids: readonly string[], last: string): Promise<boolean> => {
    const { rows } = await patiently(
      () =>
        pool.query<{ waiting: boolean }>(
          'SELECT EXISTS (SELECT FROM outbox WHERE id <= $2 AND task_id = ANY($1::uuid[])) AS waiting',
          [ids, last],
        ),
      isDatabaseOutage,
    );
    return rows[0]?.waiting === false;
  };
  return {
    begin: async (ids) => {
      const rowIds = ids.filter(isRowId);
      const startedAt = performance.now();
      const last = await lastOfOutbox();
      let publishedAt = (await isPublished(rowIds, last)) ? startedAt : undefined;
      let ends: ReadonlyMap<number, number> | undefined;
      return async () => {
        if (publishedAt === undefined) {
          if (!(await isPublished(rowIds, last))) return false;
          publishedAt = performance.now();
        }
        if (offsets === undefined) {
          // What left the outbox in the second half of the time may still be in the topic at its end.
          return publishedAt - startedAt <= graceMs / 2 && performance.now() - startedAt >= graceMs;
        }
        const reached = async (): Promise<boolean> => offsets.hasReached((ends ??= await offsets.ends()));
        // A broker that restarts is no reason to end a run.
        return patiently(reached, () => true);
      };
    },
  };
};
