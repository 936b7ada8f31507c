/**
 * Which candidates are drift: those whose row stayed as it was while everything that could change their document went
 * through the pipeline.
 */
import { sleep } from '../../platform/time.ts';
import type { Delay } from './delay.ts';
import { kindOf, type Pair } from './difference.ts';
import type { Look } from './look.ts';

export interface Settled {
  readonly drift: readonly Pair[];
  /** Differences whose events may still be on their way. */
  readonly undecided: readonly Pair[];
}

export interface SettleOptions {
  readonly look: Look;
  readonly delay: Delay;
  /** Longest wait for the pipeline, in milliseconds. */
  readonly graceMs: number;
}

/** Shortest time between two looks; it grows with what a look costs. */
const POLL_MS = 250;

export const settle = async (ids: readonly string[], { look, delay, graceMs }: SettleOptions): Promise<Settled> => {
  const drift: Pair[] = [];
  let open = await differing(look, ids);
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
      // Asked before the look: what is seen afterwards was seen with everything indexed.
      outlived = await hasOutlived();
      const lookedAt = performance.now();
      open = await differing(look, [...open.keys()]);
      for (const [id, now] of open) if (isYounger(first.get(id), now)) open.delete(id);
      if (outlived || open.size === 0 || isLast) break;
      const leftMs = Math.max(0, deadlineAt - performance.now());
      await sleep(Math.min(leftMs, Math.max(POLL_MS, 2 * (performance.now() - lookedAt))));
    }
    if (!outlived) break;
    for (const [id, now] of open) {
      if (now.row !== first.get(id)?.row) continue;
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
  now.row !== first.row &&
  now.document !== undefined &&
  now.document >= first.row &&
  (now.row === undefined || now.document < now.row);

const differing = async (look: Look, ids: readonly string[]): Promise<Map<string, Pair>> =>
  new Map((await look(ids)).filter((pair) => kindOf(pair) !== undefined).map((pair) => [pair.id, pair]));
