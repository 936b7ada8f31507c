/** `reindex`: the next index with the mapping of this version, filled while reads and writes go on. */
import { messageOf } from '../../platform/errors.ts';
import { readCatalog } from './catalog.ts';
import type { ReindexContext } from './context.ts';
import { healLeftovers, removeUnfinished } from './heal.ts';
import { withReindexLock } from './lock.ts';
import { writeMeta, type IndexMeta } from '../index/meta.ts';
import { moveTo, type MoveOptions, type MoveResult, type Source } from './move.ts';
import { nextIndexOf } from './names.ts';
import { createIndex } from './settle.ts';
import { UnknownOutcome } from './switch.ts';

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
    const { live, indices } = await healLeftovers(client, alias, (line) => {
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
    if (result.outcome === 'switched') await noteSwitch(context, to, meta, from);
    return { ...result, from, to };
  });

/** Notes that the alias points to `to`, and where a rollback goes. */
export const noteSwitch = async (
  { client, progress }: Pick<ReindexContext, 'client' | 'progress'>,
  to: string,
  meta: IndexMeta,
  from: string,
): Promise<void> => {
  try {
    await writeMeta(client, to, { ...meta, state: 'complete', switchedAt: new Date().toISOString(), previous: from });
  } catch (error) {
    // The alias has moved, and the index still says from where: the next run takes note of it.
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
