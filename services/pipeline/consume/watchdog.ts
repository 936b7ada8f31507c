/**
 * The alarm against a silent stall: events of a partition wait, and nothing happens to them.
 * Waiting for a server that is down is not silent, as a restart would not help and the status says what is missing: while a
 * batch is at work, each request counts for all partitions, and once it is settled its time does not count for the others. While
 * Kafka does not say how much waits, nothing is known to.
 * What trips it is a consumer that stopped getting or handling events, even those of a single partition while others go
 * on, and one that holds on to partitions that the topic no longer has.
 */
import { TaskstreamError } from '../../platform/errors.ts';
import type { LagReading } from './group-client.ts';

export interface Watchdog {
  /**
   * Something was done: a batch of these partitions was settled in `tookMs`, or, without any, something was tried for a batch
   * that is at work.
   */
  readonly progress: (partitions?: Iterable<number>, tookMs?: number) => void;
  /** What the broker says of the partitions of this process; those it says nothing of are not known to wait. */
  readonly observe: (reading: Pick<LagReading, 'lag' | 'gone'>) => void;
  /** @throws TaskstreamError when events have been waiting for too long without progress. */
  readonly check: () => void;
}

/** Longer than the client takes to see a topic's new partitions when it sees them at all. */
const GONE_MS = 45_000;

/** @param now milliseconds of a clock that never steps */
export const createWatchdog = (stallMs: number, now: () => number = () => performance.now()): Watchdog => {
  /** Partitions with lag; the clock starts when lag appears, as an idle hour before must not count. */
  const waiting = new Map<number, { readonly events: number; readonly since: number }>();
  /** Partitions that are held and do not exist, since when. */
  const gone = new Map<number, number>();
  /** Of the batch that is at work: the last thing that was tried for it. */
  let triedAt = -Infinity;
  return {
    progress: (partitions, tookMs = 0) => {
      if (partitions === undefined) {
        triedAt = now();
        return;
      }
      triedAt = -Infinity;
      const done = new Set(partitions);
      // The others could only wait meanwhile. A partition that nothing is read of must still be noticed under traffic.
      for (const [partition, entry] of waiting) {
        const since = done.has(partition) ? now() : Math.min(now(), entry.since + tookMs);
        waiting.set(partition, { ...entry, since });
      }
    },
    observe: ({ lag, gone: missing }) => {
      for (const partition of [...gone.keys()]) if (!missing.includes(partition)) gone.delete(partition);
      for (const partition of missing) gone.set(partition, gone.get(partition) ?? now());
      // One that has caught up, belongs to another process now, or cannot be measured.
      for (const partition of [...waiting.keys()]) if (!lag.get(partition)) waiting.delete(partition);
      for (const [partition, events] of lag) {
        if (events > 0) waiting.set(partition, { events, since: waiting.get(partition)?.since ?? now() });
      }
    },
    check: () => {
      for (const [partition, since] of gone) {
        if (now() - since > Math.min(stallMs, GONE_MS)) {
          throw new TaskstreamError('internal', `partition ${partition} is assigned, and the topic does not have it`);
        }
      }
      for (const [partition, { events, since }] of waiting) {
        const silentMs = Math.round(now() - Math.max(since, triedAt));
        if (silentMs > stallMs) {
          throw new TaskstreamError(
            'internal',
            `${events} events wait in partition ${partition}, and nothing was done for ${silentMs} ms`,
          );
        }
      }
    },
  };
};
