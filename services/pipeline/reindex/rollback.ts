/** `reindex rollback`: back to the index that served before, after it was brought up to date. */
import { TaskstreamError } from '../../platform/errors.ts';
import type { Catalog } from './catalog.ts';
import type { ReindexContext } from './context.ts';
import { healLeftovers } from './heal.ts';
import { withReindexLock } from './lock.ts';
import type { IndexMeta } from '../index/meta.ts';
import { moveTo, type MoveOptions } from './move.ts';
import { fillingAliasOf } from './names.ts';
import { noteSwitch, type ReindexResult } from './reindex.ts';
import { unblockWrites } from './switch.ts';

export type RollbackOptions = Pick<MoveOptions, 'maxRate' | 'switchDeadlineMs'>;

/**
 * Both indices stay, so that a rollback of a rollback goes forward again.
 * @throws TaskstreamError when it could not be done; the alias is where it was
 */
export const rollback = (context: ReindexContext, options: RollbackOptions): Promise<ReindexResult> =>
  withReindexLock(context.config, async (lost) => {
    const { client, entity, progress } = context;
    const catalog = await healLeftovers(client, entity.alias, (line) => {
      progress.note(line);
    });
    const from = catalog.live.name;
    const target = previousOf(catalog);
    const to = target.name;
    await unblockWrites(client, to);
    await client.indices.putAlias({ index: to, name: fillingAliasOf(to) });
    const meta: IndexMeta = { ...target.meta, state: 'complete' };
    const result = await moveTo(
      { ...context, signal: AbortSignal.any([context.signal, lost]) },
      { ...options, source: 'postgres', from, to, isNew: false, meta },
    );
    if (result.outcome === 'switched') await noteSwitch(context, to, meta, from);
    return { ...result, from, to };
  });

const previousOf = ({ live, indices }: Catalog) => {
  const name = live.meta?.previous;
  if (name === undefined) {
    throw new TaskstreamError(
      'precondition_failed',
      `There is nothing to go back to: ${live.name} was not made by a reindex.`,
    );
  }
  const target = indices.find((index) => index.name === name);
  if (target === undefined) {
    throw new TaskstreamError(
      'precondition_failed',
      `${name}, which served before ${live.name}, is gone: make an index with the older version's ops reindex instead.`,
    );
  }
  return target;
};
