/**
 * `reindex`: the next index with the mapping of this version, filled while reads and writes go on; and `reindex rollback`,
 * back to the index that served before, after it was brought up to date.
 *
 * From here: leftovers.ts repairs, new-index.ts creates, move.ts fills (copy.ts beside tail.ts), compares (compare.ts) and
 * switches (switch.ts).
 */
import { messageOf, TaskstreamError } from '../../platform/errors.ts';
import { nextIndexOf, readCatalog, type Catalog } from './catalog.ts';
import type { ReindexContext } from './context.ts';
import { removeUnfinished, repairLeftovers } from './leftovers.ts';
import { withReindexLock } from './lock.ts';
import { writeMeta, type IndexMeta } from '../index/meta.ts';
import { addDeletions } from '../index/search-index.ts';
import { moveTo, type MoveOptions, type MoveResult, type Source } from './move.ts';
import { createIndex, fillingAliasOf } from './new-index.ts';
import { unblockWrites, UnknownOutcome } from './switch.ts';

export interface ReindexOptions extends Pick<MoveOptions, 'maxRate' | 'switchDeadlineMs'> {
  readonly source: Source;
}

export type ReindexResult = MoveResult & { readonly from: string; readonly to: string };

/** @throws TaskstreamError when it could not be done; the alias is where it was */
export const reindex = (context: ReindexContext, options: ReindexOptions): Promise<ReindexResult> =>
  withReindexLock(context.config, async (lost) => {
    const { client, entity, progress } = context;
    const alias = entity.alias;
    const signal = AbortSignal.any([context.signal, lost]);
    const { live, indices } = await repairLeftovers(client, alias, (line) => {
      progress.note(line);
    });
    const to = nextIndexOf(
      alias,
      indices.map(({ name }) => name),
    );
    const meta: IndexMeta = {
      schemaVersion: entity.schemaVersion,
      state: 'building',
      source: options.source,
      startedAt: new Date().toISOString(),
    };
    await createIndex(context, to, meta);
    const from = live.name;
    let result: MoveResult | undefined;
    let isUnknown = false;
    try {
      result = await moveTo({ ...context, signal }, { ...options, from, to, isNew: true, meta });
    } catch (error) {
      isUnknown = error instanceof UnknownOutcome;
      throw error;
    } finally {
      if (result?.outcome !== 'switched' && !isUnknown) await removeIfUnused(context, to);
    }
    if (result.outcome === 'switched') await recordSwitch(context, to, meta, from);
    return { ...result, from, to };
  });

export type RollbackOptions = Pick<MoveOptions, 'maxRate' | 'switchDeadlineMs'>;

/**
 * `reindex rollback`. Both indices stay, so that a rollback of a rollback goes forward again.
 * @throws TaskstreamError when it could not be done; the alias is where it was
 */
export const rollback = (context: ReindexContext, options: RollbackOptions): Promise<ReindexResult> =>
  withReindexLock(context.config, async (lost) => {
    const { client, entity, progress } = context;
    const catalog = await repairLeftovers(client, entity.alias, (line) => {
      progress.note(line);
    });
    const from = catalog.live.name;
    const target = previousOf(catalog);
    const to = target.name;
    await unblockWrites(client, to);
    await addDeletions(client, to);
    await client.indices.putAlias({ index: to, name: fillingAliasOf(to) });
    const meta: IndexMeta = { ...target.meta, state: 'complete' };
    const result = await moveTo(
      { ...context, signal: AbortSignal.any([context.signal, lost]) },
      { ...options, source: 'postgres', from, to, isNew: false, meta },
    );
    if (result.outcome === 'switched') await recordSwitch(context, to, meta, from);
    return { ...result, from, to };
  });

const previousOf = ({ live, indices }: Catalog) => {
  const name = live.meta?.previous;
  if (name === undefined) {
    throw new TaskstreamError(
      'precondition_failed',
      `There is nothing to go back to: ${live.name} was not created by a reindex.`,
    );
  }
  const target = indices.find((index) => index.name === name);
  if (target === undefined) {
    throw new TaskstreamError(
      'precondition_failed',
      `${name}, which served before ${live.name}, is gone: create an index with the older version's ops reindex instead.`,
    );
  }
  return target;
};

/** Records in the index that the alias points to it, and where a rollback goes. */
const recordSwitch = async (
  { client, progress }: Pick<ReindexContext, 'client' | 'progress'>,
  to: string,
  meta: IndexMeta,
  from: string,
): Promise<void> => {
  try {
    await writeMeta(client, to, { ...meta, state: 'complete', switchedAt: new Date().toISOString(), previous: from });
  } catch (error) {
    // The alias has moved, and the index still says from where: the next run records it.
    progress.note(`${to} serves, but could not be marked so: ${messageOf(error)}`);
  }
};

/** Frees the space at once; what cannot be deleted now, the next run deletes. */
const removeIfUnused = async ({ client, entity, progress }: ReindexContext, index: string): Promise<void> => {
  try {
    const { live } = await readCatalog(client, entity.alias);
    if (live.name !== index) await removeUnfinished(client, entity.alias, live.name, index);
  } catch {
    progress.note(`${index} is left behind; the next reindex deletes it`);
  }
};
