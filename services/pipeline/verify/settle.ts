/**
 * Which candidates are drift: those whose row stayed as it was while everything that could change their document went
 * through the pipeline.
 */
import { sleep } from '../../platform/time.ts';
import type { Delay } from './delay.ts';
import { kindOf, type Pair } from './difference.ts';
import type { DocumentReader } from '../index/documents.ts';
import type { RowReader } from '../rows.ts';

/** Reads single ids once more, now and in both stores. */
export type ReadPairs = (ids: readonly string[]) => Promise<Pair[]>;

export interface Settled {
  readonly drift: readonly Pair[];
  /** Differences whose events may still be on their way. */
  readonly undecided: readonly Pair[];
}

export interface SettleOptions {
  readonly readPairs: ReadPairs;
  readonly delay: Delay;
  /** Longest wait for the pipeline, in milliseconds. */
  readonly graceMs: number;
}

/** Shortest time between two reads; it grows with what a read costs. */
const POLL_MS = 250;

const AT_ONCE = 1_000;

/**
 * Documents are read before rows: a document then is never newer than its row because of a write between the two reads,
 * so one that is has no explanation.
 */
export const createReadPairs =
  (rows: RowReader, documents: DocumentReader): ReadPairs =>
  async (ids) => {
    const pairs: Pair[] = [];
    for (let from = 0; from < ids.length; from += AT_ONCE) {
      const some = ids.slice(from, from + AT_ONCE);
      const indexed = await documents.states(some);
      const present = await rows.states(some);
      for (const id of some) pairs.push({ id, row: present.get(id), document: indexed.get(id) });
    }
    return pairs;
  };

export const settle = async (
  ids: readonly string[],
  { readPairs, delay, graceMs }: SettleOptions,
): Promise<Settled> => {
  const drift: Pair[] = [];
  let open = await differing(readPairs, ids);
  // A little more than the grace, so that a delay of that very length is seen to end.
  const deadlineAt = performance.now() + graceMs + POLL_MS;
  while (open.size > 0) {
    const hasOutlived = await delay.begin([...open.keys()]);
    const first = open;
    let outlived = false;
    for (;;) {
      // The round that begins past the deadline is the last one. One that a pause carries past it decides nothing yet:
      // it may have asked before the delay was over.
      const isLast = performance.now() >= deadlineAt;
      // Asked before the read: what is read afterwards was read with everything indexed.
      outlived = await hasOutlived();
      const readAt = performance.now();
      open = await differing(readPairs, [...open.keys()]);
      for (const [id, now] of open) if (isYounger(first.get(id), now)) open.delete(id);
      if (outlived || open.size === 0 || isLast) break;
      const leftMs = Math.max(0, deadlineAt - performance.now());
      await sleep(Math.min(leftMs, Math.max(POLL_MS, 2 * (performance.now() - readAt))));
    }
    if (!outlived) break;
    for (const [id, now] of open) {
      if (now.row?.version !== first.get(id)?.row?.version) continue;
      drift.push(now);
      open.delete(id);
    }
    if (performance.now() >= deadlineAt) break;
  }
  return { drift, undecided: [...open.values()] };
};

/**
 * Whether the pipeline is known to work for this task: the version that was seen first has arrived meanwhile, and what
 * differs now is a later change. A task that is written all the time is never equal, and no drift.
 */
const isYounger = (first: Pair | undefined, now: Pair): boolean =>
  first?.row !== undefined &&
  now.row?.version !== first.row.version &&
  now.document !== undefined &&
  now.document.version >= first.row.version &&
  (now.row === undefined || now.document.version < now.row.version);

const differing = async (readPairs: ReadPairs, ids: readonly string[]): Promise<Map<string, Pair>> =>
  new Map((await readPairs(ids)).filter((pair) => kindOf(pair) !== undefined).map((pair) => [pair.id, pair]));
