/**
 * After a restore from a backup, rows go on counting from the backup's versions, and the index, the topic and its readers know
 * the same versions with other contents. So every row gets a version above all that anybody has seen, before it is served.
 */
import type { Pool } from 'pg';
import type { PlacedEntity } from '../entity.ts';
import { createRowReader } from '../rows.ts';
import { canBeExceeded } from './difference.ts';
import { raiseRows } from './republish.ts';

export interface RaiseAllOptions {
  readonly pool: Pool;
  readonly entity: PlacedEntity;
  /** How far; more than any row changed between the backup and the loss. */
  readonly by: number;
  readonly signal: AbortSignal;
  readonly onRetry: (error: unknown) => void;
  /** Called after each page with the rows that were raised so far. */
  readonly onProgress: (raised: number) => void;
}

const PAGE = 1_000;

/**
 * Raises each row by `by`, and publishes it through the outbox. Safe to repeat: versions rise once more.
 * @returns the number of rows
 */
export const raiseAll = async ({ pool, entity, by, signal, onRetry, onProgress }: RaiseAllOptions): Promise<number> => {
  let raised = 0;
  for await (const page of createRowReader(pool, entity, { onRetry, signal }).pages(PAGE)) {
    signal.throwIfAborted();
    const exceeded = page.map(({ id, version }) => ({ id, above: version + by - 1 }));
    await raiseRows(
      pool,
      entity,
      exceeded.filter(({ above }) => canBeExceeded(above)),
    );
    raised += page.length;
    onProgress(raised);
  }
  return raised;
};
