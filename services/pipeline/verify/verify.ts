/**
 * One run: purges deletions whose time is over, compares all rows with all documents, reads what differs once more, and repairs what is drift.
 *
 * From here: purge.ts forgets, difference.ts joins both sides, settle.ts decides by delay.ts what is drift, repair.ts repairs by versioned
 * writes to the index, or by republish.ts through the pipeline; runs.ts keeps the result.
 */
import type { Client } from '@elastic/elasticsearch';
import type { Pool } from 'pg';
import { messageOf } from '../../platform/errors.ts';
import { createPacer, sleep } from '../../platform/time.ts';
import type { PlacedEntity } from '../entity.ts';
import { createDocumentReader, type DocumentSnapshot } from '../index/documents.ts';
import { createRowReader, type IdentifiedState, type RowReader } from '../rows.ts';
import { createDelay } from './delay.ts';
import { differingContents } from './content.ts';
import { canBeExceeded, isDeleted, kindOf, mergeJoin, type DriftKind, type Pair } from './difference.ts';
import type { GroupOffsets } from './offsets.ts';
import { purgeDeletions } from './purge.ts';
import { createRepair } from './repair.ts';
import { raiseRows } from './republish.ts';
import { createReadPairs, settle, type Settled } from './settle.ts';
import { createWrite } from './write.ts';

export interface VerifyOptions {
  readonly pool: Pool;
  readonly client: Client;
  readonly entity: PlacedEntity;
  /** Nothing where there is no Kafka to ask. */
  readonly topic: Topic | undefined;
  readonly graceMs: number;
  readonly repair: boolean;
  /** Whether what rows and documents of equal versions say is compared too: both stores are read whole. */
  readonly content: boolean;
  /** How long a deletion is final, in days; older ones are purged first. */
  readonly deletionDays: number;
  /** Most tasks compared in a second; nothing for no limit. */
  readonly maxRate: number | undefined;
  /** Most candidates held at a time; more are settled in rounds. */
  readonly maxCandidates?: number;
  readonly onProgress: (progress: Progress) => void;
  /** Called with the reason when a server does not answer and a read or write is repeated. */
  readonly onRetry: (reason: string) => void;
  readonly onDifference: (difference: Difference) => void;
}

/** The topic, and the indexers' group in it. */
export interface Topic extends GroupOffsets {
  /** The newest version in it of each of these ids. */
  newestVersions(ids: ReadonlySet<string>): Promise<ReadonlyMap<string, number>>;
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
  readonly outcome: 'drift' | 'repaired' | 'undecided';
  /** Why it could not be repaired. */
  readonly reason?: string;
}

export interface VerifyResult {
  readonly startedAt: Date;
  readonly durationMs: number;
  readonly rows: number;
  readonly documents: number;
  /** What was found and not repaired. */
  readonly drift: Readonly<Record<DriftKind, number>>;
  /** What was found and repaired. */
  readonly repaired: Readonly<Record<DriftKind, number>>;
  readonly undecided: number;
  /** Whether contents were compared. */
  readonly withContent: boolean;
  /** Markers of deletions that were removed, as their time is over. */
  readonly purged: number;
  /** Markers that a search through the alias sees: it has lost its filter. */
  readonly shownDeletions: number;
}

const MAX_CANDIDATES = 100_000;
/** What differs is read once more at once, this many at a time: most differences are milliseconds old. */
const RECHECK_AT = 1_000;
/** Repairs wait at least this long for the pipeline, whatever the grace. */
const MIN_REPAIR_WAIT_MS = 30_000;
/** Time between two pages of documents beyond the waiting for the pipeline. */
const KEEP_ALIVE_SECONDS = 600;

const zero = (): Record<DriftKind, number> => ({ missing: 0, stale: 0, ahead: 0, surplus: 0, content: 0 });
/** Rows and documents that are held whole, at a time. */
const CONTENTS = 500;

/** @throws what the clients throw when a server does not answer, and TaskstreamError when the answer has holes */
export const verify = async (options: VerifyOptions): Promise<VerifyResult> => {
  const { pool, client, entity, topic, graceMs, maxRate, maxCandidates = MAX_CANDIDATES } = options;
  const { onDifference, onRetry } = options;
  const startedAt = new Date();
  const clock = performance.now();
  const readOptions = {
    onRetry: (error: unknown) => {
      onRetry(messageOf(error));
    },
  };
  const rows = createRowReader(pool, entity, readOptions);
  const documents = createDocumentReader(client, entity.alias, readOptions);
  const readPairs = createReadPairs(rows, documents);
  const pace = createPacer(maxRate);
  const repairWaitMs = Math.max(graceMs, MIN_REPAIR_WAIT_MS);
  const write = createWrite({ client, alias: entity.alias, timeoutMs: repairWaitMs, onRetry });
  const counts = { rows: 0, documents: 0, compared: 0, undecided: 0 };
  const drift = zero();
  const repaired = zero();
  let equal: string[] = [];
  let differing: string[] = [];
  let candidates: string[] = [];
  let total = 0;
  let shownDeletions = 0;

  const progress = (step: Progress['step']): void => {
    options.onProgress({ step, compared: counts.compared, total, candidates: candidates.length });
  };

  const report = (
    pair: Pair,
    outcome: Difference['outcome'],
    reason?: string,
    kind: DriftKind | undefined = kindOf(pair),
  ): void => {
    if (kind === undefined) return;
    if (outcome === 'undecided') counts.undecided += 1;
    else (outcome === 'drift' ? drift : repaired)[kind] += 1;
    onDifference({ ...pair, kind, outcome, ...(reason === undefined ? {} : { reason }) });
  };

  const settleAll = (ids: readonly string[], waitMs: number): Promise<Settled> => {
    progress('waiting for the pipeline');
    const delay = createDelay({ pool, offsets: topic, graceMs: waitMs, ...readOptions });
    return settle(ids, { readPairs, delay, graceMs: waitMs });
  };

  /** Repairs, waits for the pipeline, and reads again. */
  const repair = async (found: readonly Pair[]): Promise<void> => {
    progress('repairing');
    const reasons = new Map<string, string>();
    await createRepair({
      pool,
      client,
      entity,
      rows,
      documents,
      newestInTopic: async (ids) => (await topic?.newestVersions(ids)) ?? new Map<string, number>(),
      write,
      onUnrepairable: ({ id }, reason) => void reasons.set(id, reason),
    })(found);
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
      const outcome = left.get(pair.id) ?? 'repaired';
      report(pair, outcome === 'undecided' && reason !== undefined ? 'drift' : outcome, reason);
    }
  };

  const judge = async (): Promise<void> => {
    if (candidates.length === 0) return;
    const settled = await settleAll(candidates, graceMs);
    candidates = [];
    for (const pair of settled.undecided) report(pair, 'undecided');
    if (options.repair && settled.drift.length > 0) await repair(settled.drift);
    else for (const pair of settled.drift) report(pair, 'drift');
  };

  /** Contents that differ are drift at once: an event of an equal version changes nothing any more. */
  const compareContents = async (): Promise<void> => {
    const differing = await differingContents(entity, { rows, documents }, equal);
    equal = [];
    if (differing.size === 0) return;
    const found = [...differing].map(([id, version]): Pair => {
      const state = { version, deletedAt: null };
      return { id, row: state, document: state };
    });
    const left = new Set(found.map(({ id }) => id));
    if (options.repair) {
      progress('repairing');
      const raised = [...differing].flatMap(([id, above]) => (canBeExceeded(above) ? [{ id, above }] : []));
      await raiseRows(pool, entity, raised);
      const ids = raised.map(({ id }) => id);
      const after = await settleAll(ids, repairWaitMs);
      const open = new Set([...after.drift, ...after.undecided].map(({ id }) => id));
      const again = await differingContents(entity, { rows, documents }, ids);
      for (const id of ids) if (!open.has(id) && !again.has(id)) left.delete(id);
    }
    for (const pair of found) report(pair, left.has(pair.id) ? 'drift' : 'repaired', undefined, 'content');
  };

  const recheck = async (): Promise<void> => {
    for (const pair of await readPairs(differing)) if (kindOf(pair) !== undefined) candidates.push(pair.id);
    differing = [];
    if (candidates.length >= maxCandidates) await judge();
  };

  const addDiffering = async (id: string): Promise<void> => {
    differing.push(id);
    if (differing.length >= RECHECK_AT) await recheck();
  };

  const onMisplaced = async (id: string): Promise<void> => {
    counts.documents += 1;
    await addDiffering(id);
  };

  const { deletionDays: days, content } = options;
  // First, so that no record of a deletion is compared that a purge which ended early has left without its marker.
  const purged = await purgeDeletions({ pool, entity, documents, days, write });
  // Taken before the snapshot of the index: rows that come later are not looked for, and so not missed.
  const last = await rows.lastId();
  const snapshot = await documents.snapshot(KEEP_ALIVE_SECONDS + Math.ceil((graceMs + repairWaitMs) / 1_000));
  try {
    total = snapshot.count;
    progress('comparing');
    shownDeletions = await documents.shownDeletions();
    for await (const pair of mergeJoin(eachRow(rows, last), eachDocument(snapshot, onMisplaced))) {
      counts.compared += 1;
      if (pair.row !== undefined && !isDeleted(pair.row)) counts.rows += 1;
      if (pair.document !== undefined && !isDeleted(pair.document)) counts.documents += 1;
      if (kindOf(pair) !== undefined) await addDiffering(pair.id);
      else if (content && pair.row !== undefined && !isDeleted(pair.row)) equal.push(pair.id);
      if (equal.length >= CONTENTS) await compareContents();
      if (counts.compared % RECHECK_AT === 0) {
        progress('comparing');
        await sleep(pace(RECHECK_AT));
      }
    }
    await compareContents();
    await recheck();
    await judge();
  } finally {
    // It expires by itself; the result matters more than the answer.
    await snapshot.close().catch(() => undefined);
  }
  const { rows: rowCount, documents: documentCount, undecided } = counts;
  return {
    startedAt,
    durationMs: Math.round(performance.now() - clock),
    rows: rowCount,
    documents: documentCount,
    drift,
    repaired,
    undecided,
    withContent: content,
    purged,
    shownDeletions,
  };
};

const eachRow = async function* (rows: RowReader, last: string | undefined): AsyncGenerator<IdentifiedState> {
  if (last === undefined) return;
  for await (const page of rows.statePages(last)) yield* page;
};

/**
 * A document whose `_id` is not its field `id` goes to `onMisplaced`: no row is its counterpart at this place of the
 * order.
 */
const eachDocument = async function* (
  snapshot: DocumentSnapshot,
  onMisplaced: (id: string) => Promise<void>,
): AsyncGenerator<IdentifiedState> {
  for await (const page of snapshot.pages()) {
    for (const document of page) {
      if (document.isMisplaced) await onMisplaced(document.id);
      else yield document;
    }
  }
};
