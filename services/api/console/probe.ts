/**
 * Measures the time from an acknowledged change to its being found: it takes the newest change there is, whoever made
 * it, and searches for it until it is found. One at a time.
 */
import type { Pool } from 'pg';
import { sleep } from '../../platform/time.ts';
import { newestChange, taskExists, type NewestChange } from './changes.ts';
import type { IndexReader } from './index-reader.ts';
import type { LatencyReading } from './sample.ts';

export interface Probe {
  /** Runs until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>;
  latency(): LatencyReading;
}

export interface ProbeOptions {
  readonly pool: Pool;
  readonly index: IndexReader;
}

/** How often PostgreSQL is asked for a change. */
const IDLE_MS = 100;
/** A server that does not answer is left alone for this long. */
const AFTER_ERROR_MS = 1_000;
/** A change that is older when first seen, and is found already, may have been found long before. */
const FRESH_MS = 300;
/** Between two searches: first so, later a part of the time that was waited already. */
const SEARCH_MS = 40;
const SEARCH_PART = 0.05;
/** How often it is made sure that the task was not deleted in the meantime. */
const EXISTS_MS = 2_000;

export const createProbe = ({ pool, index }: ProbeOptions): Probe => {
  let lastMs: number | null = null;
  let measured = 0;
  let pendingSince: number | undefined;
  let seen = '';

  /** Searches until the change is found, or its task is gone. */
  const follow = async (change: NewestChange, signal: AbortSignal): Promise<void> => {
    const acknowledgedAt = performance.now() - change.ageMs;
    let checkedAt = performance.now();
    for (let first = true; !signal.aborted; first = false) {
      const found = await index.isSearchable(change).catch(() => false);
      const now = performance.now();
      if (found) {
        if (first && change.ageMs >= FRESH_MS) return;
        lastMs = now - acknowledgedAt;
        measured += 1;
        return;
      }
      pendingSince = acknowledgedAt;
      if (now - checkedAt > EXISTS_MS) {
        checkedAt = now;
        if (!(await taskExists(pool, change.id))) return;
      }
      await sleep(Math.min(1_000, Math.max(SEARCH_MS, SEARCH_PART * (now - acknowledgedAt))), signal);
    }
  };

  return {
    run: async (signal) => {
      while (!signal.aborted) {
        let pauseMs = IDLE_MS;
        try {
          const change = await newestChange(pool);
          const key = change === undefined ? '' : `${change.id}:${change.version}`;
          if (change !== undefined && key !== seen) {
            seen = key;
            await follow(change, signal);
          }
        } catch {
          // The sample says which server is away.
          pauseMs = AFTER_ERROR_MS;
        } finally {
          pendingSince = undefined;
        }
        await sleep(pauseMs, signal);
      }
    },
    latency: () => ({
      measured,
      lastMs: lastMs === null ? null : Math.round(lastMs),
      pendingMs: pendingSince === undefined ? null : Math.round(performance.now() - pendingSince),
    }),
  };
};
