/**
 * The way of one change through the pipeline, told stage by stage to whoever made it.
 * Times count from the moment it was acknowledged.
 */
import type { Pool } from 'pg';
import { sleep } from '../../platform/time.ts';
import { changeState } from './changes.ts';
import type { Change, IndexReader } from './index-reader.ts';
import type { FoundRecord, RecordFinder } from './record-finder.ts';

export type Stage =
  | { readonly stage: 'acknowledged' | 'published' | 'indexed' | 'searchable'; readonly ms: number }
  /** Where it lies is unknown when the topic may not be read. */
  | { readonly stage: 'in-kafka'; readonly ms: number; readonly partition?: number; readonly offset?: number };

export interface JourneyOptions {
  readonly pool: Pool;
  readonly index: IndexReader;
  readonly records: Pick<RecordFinder, 'find'>;
}

/** Between two questions: first so, later a part of the time that was waited already, and never longer than a second. */
const POLL_MS = 20;
const POLL_PART = 0.05;
const MAX_POLL_MS = 1_000;
/** Clocks of two machines differ; records are looked for from this long before the change. */
const CLOCK_SKEW_MS = 10_000;
/** How long the record is looked for after Kafka confirmed it. */
const RECORD_MS = 2_000;

/** What to add to a time of the monotonic clock, by which all here is counted, to make it a date as records carry it. */
// eslint-disable-next-line no-restricted-syntax -- dates of records are the wall clock's
const toDateMs = (): number => Date.now() - performance.now();
const dateMs = (clock: number): number => clock + toDateMs();
const clockMs = (date: number): number => date - toDateMs();

/** Resolves when the change is searchable, or `signal` aborts. */
export const followJourney = async (
  { pool, index, records }: JourneyOptions,
  change: Change,
  tell: (stage: Stage) => void,
  signal: AbortSignal,
): Promise<void> => {
  const startedAt = performance.now();
  let acknowledgedAt: number | undefined;
  let indexedAt = Number.POSITIVE_INFINITY;
  const since = (atMs: number): number => Math.max(0, Math.round(atMs - (acknowledgedAt ?? startedAt)));

  /** Asks until `ask` finds something. A server that does not answer is asked again. */
  const until = async <T>(ask: () => Promise<T | undefined>, within: AbortSignal): Promise<T | undefined> => {
    while (!within.aborted) {
      const askedAt = performance.now();
      const found = await ask().catch(() => undefined);
      if (found !== undefined) return found;
      const now = performance.now();
      await sleep(Math.min(MAX_POLL_MS, Math.max(POLL_MS, now - askedAt, POLL_PART * (now - startedAt))), within);
    }
    return undefined;
  };

  const acknowledge = (atMs: number): void => {
    if (acknowledgedAt !== undefined) return;
    acknowledgedAt = atMs;
    tell({ stage: 'acknowledged', ms: 0 });
  };

  /** Whether Kafka has it, as far as PostgreSQL knows; nothing while the relay still has to confirm. */
  const confirmed = async (): Promise<number | undefined> => {
    const { ageMs, inOutbox } = await changeState(pool, change);
    const now = performance.now();
    if (ageMs !== undefined) acknowledge(now - ageMs);
    return inOutbox ? undefined : now;
  };

  const throughKafka = async (): Promise<void> => {
    const stopLooking = new AbortController();
    const either = AbortSignal.any([signal, stopLooking.signal]);
    const first = await confirmed().catch(() => undefined);
    const sinceMs = dateMs(acknowledgedAt ?? startedAt) - CLOCK_SKEW_MS;
    const record = until(() => records.find(change.id, change.version, sinceMs, either), either);
    const confirmedAt = first ?? (await until(confirmed, signal));
    const timer = setTimeout(() => {
      stopLooking.abort();
    }, RECORD_MS);
    const found = await record;
    clearTimeout(timer);
    if (confirmedAt === undefined || signal.aborted) return;
    acknowledge(found === undefined ? startedAt : clockMs(found.changedAtMs));
    tell({ stage: 'published', ms: since(found === undefined ? confirmedAt : clockMs(found.producedAtMs)) });
    // That the relay has deleted its row may be seen later than what the indexer has made of it.
    tell({ stage: 'in-kafka', ms: since(Math.min(confirmedAt, indexedAt)), ...placeOf(found) });
  };

  const isThere = (ask: (change: Change) => Promise<boolean>) => async (): Promise<number | undefined> =>
    (await ask(change)) ? performance.now() : undefined;

  /** What is seen early waits until the stages before it are told. */
  const throughIndex = async (kafkaPassed: Promise<void>): Promise<void> => {
    indexedAt = (await until(isThere(index.isIndexed), signal)) ?? indexedAt;
    const searchable = until(isThere(index.isSearchable), signal);
    await kafkaPassed;
    if (Number.isFinite(indexedAt)) tell({ stage: 'indexed', ms: since(indexedAt) });
    const searchableAt = await searchable;
    if (searchableAt !== undefined) tell({ stage: 'searchable', ms: since(searchableAt) });
  };

  await throughIndex(throughKafka());
};

const placeOf = (found: FoundRecord | undefined) =>
  found === undefined ? {} : { partition: found.partition, offset: found.offset };
