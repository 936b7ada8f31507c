/** One run: all rows against all documents, then the candidates once more, then what is drift is mended. */
import type { Client } from '@elastic/elasticsearch';
import type { Pool } from 'pg';
import { sleep } from '../../platform/time.ts';
import type { PlacedEntity } from '../entity.ts';
import { createDelay } from './delay.ts';
import { DRIFT_KINDS, kindOf, type DriftKind, type Entry, type Pair } from './difference.ts';
import { openSnapshot } from './documents.ts';
import { createLook } from './look.ts';
import { mergeJoin } from './merge.ts';
import type { GroupOffsets } from './offsets.ts';
import { createRepair } from './repair.ts';
import { lastRowId, streamRows } from './rows.ts';
import { settle, type Settled } from './settle.ts';

export interface VerifyOptions {
  readonly pool: Pool;
  readonly client: Client;
  readonly entity: PlacedEntity;
  /** Nothing where there is no Kafka to ask. */
  readonly log: Log | undefined;
  readonly graceMs: number;
  readonly repair: boolean;
  /** Most tasks compared in a second; nothing for no limit. */
  readonly maxRate: number | undefined;
  /** Most candidates held at a time; more are settled in rounds. */
  readonly maxCandidates?: number;
  readonly onProgress: (progress: Progress) => void;
  readonly onDifference: (difference: Difference) => void;
}

/** The topic, and the indexers' group in it. */
export interface Log extends GroupOffsets {
  /** The newest version in it of each of these tasks. */
  newest(ids: ReadonlySet<string>): Promise<ReadonlyMap<string, number>>;
}

export interface Progress {
  readonly step: 'comparing' | 'waiting for the pipeline' | 'repairing';
  readonly compared: number;
  /** The number of documents when the run began. */
  readonly total: number;
  readonly candidates: number;
}

/** A difference with what became of it. */
export interface Difference extends Pair {
  readonly kind: DriftKind;
  readonly outcome: 'drift' | 'mended' | 'undecided';
  /** Why it could not be mended. */
  readonly reason?: string;
}

export interface VerifyResult {
  readonly startedAt: Date;
  readonly durationMs: number;
  readonly rows: number;
  readonly documents: number;
  /** What was there and was not mended. */
  readonly drift: Readonly<Record<DriftKind, number>>;
  readonly mended: Readonly<Record<DriftKind, number>>;
  readonly undecided: number;
}

const MAX_CANDIDATES = 100_000;
/** What differs is looked at again at once, this many at a time: most differences are milliseconds old. */
const SUSPECTS = 1_000;
/** Repairs wait at least this long for the pipeline, whatever the grace. */
const MIN_REPAIR_WAIT_MS = 30_000;
/** Time between two pages of documents beyond the waiting for the pipeline. */
const KEEP_ALIVE_SECONDS = 600;

const zero = (): Record<DriftKind, number> => ({ missing: 0, stale: 0, ahead: 0, surplus: 0 });

/** @throws what the clients throw when a server does not answer, and TaskstreamError when the answer has holes */
export const verify = async (options: VerifyOptions): Promise<VerifyResult> => {
  const { pool, client, entity, log, graceMs, maxRate, maxCandidates = MAX_CANDIDATES, onDifference } = options;
  const startedAt = new Date();
  const clock = performance.now();
  const look = createLook(pool, client, entity);
  const repairWaitMs = Math.max(graceMs, MIN_REPAIR_WAIT_MS);
  const counts = { rows: 0, documents: 0, compared: 0, undecided: 0 };
  const drift = zero();
  const mended = zero();
  let suspects: string[] = [];
  let candidates: string[] = [];
  let total = 0;

  const progress = (step: Progress['step']): void => {
    options.onProgress({ step, compared: counts.compared, total, candidates: candidates.length });
  };

  const report = (pair: Pair, outcome: Difference['outcome'], reason?: string): void => {
    const kind = kindOf(pair);
    if (kind === undefined) return;
    if (outcome === 'undecided') counts.undecided += 1;
    else (outcome === 'drift' ? drift : mended)[kind] += 1;
    onDifference({ ...pair, kind, outcome, ...(reason === undefined ? {} : { reason }) });
  };

  const settleAll = (ids: readonly string[], waitMs: number): Promise<Settled> => {
    progress('waiting for the pipeline');
    return settle(ids, { look, delay: createDelay({ pool, offsets: log, graceMs: waitMs }), graceMs: waitMs });
  };

  /** Repairs, waits for the pipeline, and looks again. */
  const mend = async (found: readonly Pair[]): Promise<void> => {
    progress('repairing');
    const reasons = new Map<string, string>();
    const onUnmended = ({ id }: Pair, reason: string): void => void reasons.set(id, reason);
    const logged = async (ids: ReadonlySet<string>) => (await log?.newest(ids)) ?? new Map<string, number>();
    await createRepair({ pool, client, entity, logged, patienceMs: repairWaitMs, onUnmended })(found);
    const after = await settleAll(
      found.map(({ id }) => id),
      repairWaitMs,
    );
    const left = new Map([
      ...after.undecided.map(({ id }) => [id, 'undecided'] as const),
      ...after.drift.map(({ id }) => [id, 'drift'] as const),
    ]);
    // Under the kind and the versions that were found. What was not repaired waits for nothing.
    for (const pair of found) {
      const reason = reasons.get(pair.id);
      const outcome = left.get(pair.id) ?? 'mended';
      report(pair, outcome === 'undecided' && reason !== undefined ? 'drift' : outcome, reason);
    }
  };

  const judge = async (): Promise<void> => {
    if (candidates.length === 0) return;
    const settled = await settleAll(candidates, graceMs);
    candidates = [];
    for (const pair of settled.undecided) report(pair, 'undecided');
    if (options.repair && settled.drift.length > 0) await mend(settled.drift);
    else for (const pair of settled.drift) report(pair, 'drift');
  };

  const sift = async (): Promise<void> => {
    for (const pair of await look(suspects)) if (kindOf(pair) !== undefined) candidates.push(pair.id);
    suspects = [];
    if (candidates.length >= maxCandidates) await judge();
  };

  const suspect = async (id: string): Promise<void> => {
    suspects.push(id);
    if (suspects.length >= SUSPECTS) await sift();
  };

  const onMisplaced = async ({ id }: Entry): Promise<void> => {
    counts.documents += 1;
    await suspect(id);
  };

  // Taken before the snapshot of the index: rows that come later are not looked for, and so not missed.
  const last = await lastRowId(pool, entity);
  const snapshot = await openSnapshot(
    client,
    entity.alias,
    KEEP_ALIVE_SECONDS + Math.ceil((graceMs + repairWaitMs) / 1_000),
  );
  try {
    total = snapshot.count;
    progress('comparing');
    const rows = last === undefined ? nothing() : streamRows(pool, entity, last);
    for await (const pair of mergeJoin(rows, snapshot.stream(onMisplaced))) {
      counts.compared += 1;
      if (pair.row !== undefined) counts.rows += 1;
      if (pair.document !== undefined) counts.documents += 1;
      if (kindOf(pair) !== undefined) await suspect(pair.id);
      if (counts.compared % SUSPECTS === 0) {
        progress('comparing');
        await keepTo(maxRate, counts.compared, clock);
      }
    }
    await sift();
    await judge();
  } finally {
    // It would go away by itself; the result matters more than the answer.
    await snapshot.close().catch(() => undefined);
  }
  const { rows, documents, undecided } = counts;
  return { startedAt, durationMs: Math.round(performance.now() - clock), rows, documents, drift, mended, undecided };
};

const nothing = async function* (): AsyncGenerator<Entry> {
  // No rows.
};

const keepTo = async (maxRate: number | undefined, compared: number, startedAt: number): Promise<void> => {
  if (maxRate === undefined) return;
  const aheadMs = (compared * 1_000) / maxRate - (performance.now() - startedAt);
  if (aheadMs > 0) await sleep(aheadMs);
};

export const sumOf = (numbers: Readonly<Record<DriftKind, number>>): number =>
  DRIFT_KINDS.reduce((sum, kind) => sum + numbers[kind], 0);
