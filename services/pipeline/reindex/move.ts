/**
 * Brings an index in line with PostgreSQL while writes go on, and moves the alias to it.
 * The order is what makes it complete: the end of the topic is read first, then rows are read. A change that a row
 * does not show yet is published later, and so found behind that end.
 */
import { createTopicReader, type Offsets, type TopicReader } from '../../platform/kafka/reader.ts';
import { lineOf } from '../../platform/printable.ts';
import { OPS_GROUP_PREFIX } from '../../platform/product.ts';
import { createPacer } from '../../platform/time.ts';
import type { IndexMeta } from '../index/meta.ts';
import { findMissing, pruneDocuments } from './compare.ts';
import { storesOf, type ReindexContext } from './context.ts';
import { copyDeletions, copyRows } from './copy.ts';
import { createFill, Rejects, TooManyRejects, type Reject } from './fill.ts';
import { prepareToServe, refresh } from './new-index.ts';
import { switchAlias, UnknownOutcome } from './switch.ts';
import { Tail } from './tail.ts';

export type Source = 'postgres' | 'topic';

export interface MoveOptions {
  readonly from: string;
  readonly to: string;
  readonly source: Source;
  /** Documents a second; no limit when undefined. */
  readonly maxRate: number | undefined;
  readonly switchDeadlineMs: number;
  /** True for an index that was created for this, and still has the settings for filling. */
  readonly isNew: boolean;
  readonly meta: IndexMeta;
}

export type MoveResult =
  | {
      readonly outcome: 'switched';
      /** Tasks that were copied from PostgreSQL. */
      readonly copied: number;
      /** Events that were read from the topic. */
      readonly events: number;
      /** Documents that were removed, as PostgreSQL does not have them. */
      readonly pruned: number;
      /** How long indexers had to wait at the switch. */
      readonly blockedMs: number;
      readonly attempts: number;
    }
  | { readonly outcome: 'rejected'; readonly rejects: readonly Reject[] }
  | { readonly outcome: 'incomplete'; readonly missing: readonly string[] };

const PAGE = 1_000;
/** Rejected documents that are shown as they come; all are counted. */
const MAX_REPORTED = 20;
/** The switch begins when what is left of the topic takes no longer than this. */
const CLOSE_ENOUGH_MS = 1_000;
/** Part of the round before from which on a round counts as no shorter. */
const NO_SHORTER = 0.8;

/** @throws TaskstreamError when it could not be done; the alias is where it was */
export const moveTo = async (context: ReindexContext, options: MoveOptions): Promise<MoveResult> => {
  const failed = new AbortController();
  const done = new AbortController();
  const signal = AbortSignal.any([context.signal, failed.signal]);
  const reader = await createTopicReader(context.config, {
    clientId: 'taskstream-reindex',
    group: `${OPS_GROUP_PREFIX}-reindex`,
    // A broker answers one request of a connection after the other: it would say where the end is only after the fetch
    // before has waited for events, half a second by default. Indexers wait for this answer at the switch.
    fetchWaitMs: 50,
    logger: context.logger,
    signal,
  });
  try {
    const mover = await prepare(context, options, reader);
    const tailing = mover.tail.run(AbortSignal.any([signal, done.signal])).catch((error: unknown) => {
      if (!done.signal.aborted) failed.abort(error);
    });
    try {
      return await move(context, options, mover, signal);
    } catch (error) {
      if (signal.reason instanceof TooManyRejects || error instanceof TooManyRejects) return refused(mover.rejects.all);
      // What made the run end is why; but not for an outcome that is not known.
      if (!(error instanceof UnknownOutcome)) signal.throwIfAborted();
      throw error;
    } finally {
      done.abort();
      await tailing;
    }
  } finally {
    await reader.close();
  }
};

interface Mover {
  readonly rejects: Rejects;
  readonly fill: ReturnType<typeof createFill>;
  readonly tail: Tail;
  readonly pageSize: number;
  readonly pace: (count: number) => number;
  /** Resolves when all that is in the topic now is in the index. */
  readonly catchUp: (signal: AbortSignal) => Promise<void>;
  /** Of the topic, before any row is read. */
  readonly end: Offsets;
  /** Ends the speed limit on the topic: from then on events are those of now. */
  readonly endReplay: () => void;
}

const prepare = async (context: ReindexContext, options: MoveOptions, reader: TopicReader): Promise<Mover> => {
  const { progress, entity } = context;
  const { topic } = entity;
  const { source, to, maxRate } = options;
  let reported = 0;
  const rejects = new Rejects(({ id, version, reason }) => {
    reported += 1;
    if (reported <= MAX_REPORTED) progress.note(`${to} rejects ${id}, version ${version}: ${lineOf(reason)}`);
  });
  const fill = createFill(context, to, rejects);
  const pace = createPacer(maxRate);
  // With a limit, no page may take much longer than a second.
  const pageSize = Math.max(1, Math.min(PAGE, maxRate ?? PAGE));
  let isReplaying = source === 'topic';
  const tail = new Tail({
    entity,
    topic,
    reader,
    fill,
    batchSize: pageSize,
    pace: (events) => (isReplaying ? pace(events) : 0),
    onAdvance: (offsets) => {
      if (isReplaying) progress.advance(offsets);
    },
  });
  const { low, end } = await watermarksOf(reader, topic);
  if (source === 'topic') {
    const total = [...end].reduce((sum, [partition, offset]) => sum + offset - (low.get(partition) ?? 0), 0);
    progress.step(`reading the topic into ${to}`, total);
  }
  tail.follow(source === 'topic' ? low : end);
  return {
    rejects,
    fill,
    tail,
    pageSize,
    pace,
    end,
    catchUp: async (signal) => {
      const now = await watermarksOf(reader, topic);
      tail.follow(now.low);
      await tail.passes(now.end, signal);
    },
    endReplay: () => {
      isReplaying = false;
    },
  };
};

const watermarksOf = async (reader: TopicReader, topic: string): Promise<{ low: Offsets; end: Offsets }> => {
  const ends = await reader.ends(topic);
  return {
    low: new Map(ends.map(({ partition, low }) => [partition, low])),
    end: new Map(ends.map(({ partition, high }) => [partition, high])),
  };
};

const move = async (
  context: ReindexContext,
  options: MoveOptions,
  mover: Mover,
  signal: AbortSignal,
): Promise<MoveResult> => {
  const { client, entity, progress } = context;
  const { source, from, to, isNew, meta, switchDeadlineMs } = options;
  const { rejects, fill, tail, catchUp } = mover;
  const stores = storesOf(context, to, signal);
  let copied = 0;
  if (source === 'postgres') {
    progress.step(`copying ${entity.table} into ${to}`, await stores.rows.count());
    copied = await copyRows(context, stores.rows, mover, signal);
  } else await tail.passes(mover.end, signal);
  mover.endReplay();

  if (isNew) await prepareToServe(context, to, signal);
  else await refresh(client, to);
  const keepsDeleted = !isNew || source === 'topic';
  if (keepsDeleted) progress.step(`removing what PostgreSQL does not have from ${to}`);
  const pruned = keepsDeleted ? await pruneDocuments(stores, progress, fill, signal) : 0;

  await copyDeletions(stores.rows, mover, signal);

  progress.step('indexing the changes made meanwhile');
  await catchUpClosely(catchUp, signal);
  if (source === 'topic') {
    progress.step(`comparing ${to} with PostgreSQL`);
    const missing = await findMissing(context, stores, () => catchUp(signal), signal);
    const open = await rejects.remaining(stores);
    // What was rejected is missing too, but that is the better explanation.
    if (missing.length > 0 && open.length === 0) return { outcome: 'incomplete', missing };
  }
  let open = await rejects.remaining(stores);
  if (open.length > 0) return refused(open);

  progress.step(`switching ${entity.alias} from ${from} to ${to}`);
  const result = await switchAlias(
    {
      client,
      alias: entity.alias,
      from,
      to,
      meta,
      deadlineMs: switchDeadlineMs,
      catchUp,
      isAcceptable: async (untilDeadline) => {
        open = await rejects.remaining(storesOf(context, to, untilDeadline));
        return open.length === 0;
      },
      note: (line) => {
        progress.note(line);
      },
    },
    signal,
  );
  if (!result.isSwitched) return refused(open);
  const { blockedMs, attempts } = result;
  return { outcome: 'switched', copied, events: tail.events, pruned, blockedMs, attempts };
};

/**
 * Until so little is left that the time without writes is short, or rounds get no shorter: on a slow machine the
 * question where the topic ends takes long by itself. Either way the switch has a deadline of its own.
 */
const catchUpClosely = async (catchUp: Mover['catchUp'], signal: AbortSignal): Promise<void> => {
  for (let beforeMs = Number.POSITIVE_INFINITY; ;) {
    const startedAt = performance.now();
    await catchUp(signal);
    const ms = performance.now() - startedAt;
    if (ms < CLOSE_ENOUGH_MS || ms > beforeMs * NO_SHORTER) return;
    beforeMs = ms;
  }
};

const refused = (rejects: readonly Reject[]): MoveResult => ({ outcome: 'rejected', rejects });
