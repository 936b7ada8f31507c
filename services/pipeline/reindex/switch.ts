/**
 * The switch of the alias, without a gap.
 * While the old index takes no writes, the new one takes in the last events; so it has everything that any search has
 * shown, and nothing is written to the old one that the new one lacks. Indexers wait meanwhile and try again.
 */
import type { Client } from '@elastic/elasticsearch';
import { statusOf } from '../../platform/elasticsearch.ts';
import { messageOf, TaskstreamError } from '../../platform/errors.ts';
import { isTransient, retry } from '../../platform/retry.ts';
import { sleep } from '../../platform/time.ts';
import { servingAlias } from '../index/deletion.ts';
import { writeMeta, type IndexMeta } from '../index/meta.ts';
import { readCatalog } from './catalog.ts';
import { fillingAliasOf, refresh } from './new-index.ts';

export interface SwitchOptions {
  readonly client: Client;
  readonly alias: string;
  readonly from: string;
  readonly to: string;
  /** What the new index says about itself, for as long as it does not serve. */
  readonly meta: IndexMeta;
  /** Longest time without writes; past it the old index takes them again. */
  readonly deadlineMs: number;
  /** Resolves when every event that is in the topic when it is called is in the new index. */
  readonly catchUp: (signal: AbortSignal) => Promise<void>;
  /** Asked once the new index has everything; writes wait meanwhile, until the signal aborts. */
  readonly isAcceptable: (signal: AbortSignal) => Promise<boolean>;
  readonly note: (line: string) => void;
}

export interface SwitchResult {
  readonly isSwitched: boolean;
  /** How long the old index took no writes, in the attempt that mattered. */
  readonly blockedMs: number;
  readonly attempts: number;
}

const MAX_ATTEMPTS = 20;
const BACKOFF = { baseMs: 1_000, maxMs: 30_000 };
/** A change of the cluster's state that waits for longer than this is dropped by Elasticsearch, and never happens. */
const MASTER_TIMEOUT_MS = 5_000;
const MASTER_TIMEOUT = `${MASTER_TIMEOUT_MS}ms`;
/** Above what Elasticsearch itself takes to give up, so that it is the one to answer. */
const REQUEST = { requestTimeout: 3 * MASTER_TIMEOUT_MS };
const UNBLOCK_ATTEMPTS = 8;

/** Whether the alias moved is not known: nothing may be cleaned up. */
export class UnknownOutcome extends TaskstreamError {}

/**
 * @returns whether the alias points to the new index now; not so when `isAcceptable` said no
 * @throws TaskstreamError when it could not be done; the old index serves and takes writes again
 */
export const switchAlias = async (options: SwitchOptions, signal: AbortSignal): Promise<SwitchResult> => {
  const { deadlineMs, catchUp, note } = options;
  const reasonOf = (error: unknown): string =>
    error instanceof LateError ? `not done within ${deadlineMs} ms` : messageOf(error);
  const isRetriable = (error: unknown): boolean =>
    !(error instanceof TaskstreamError) && (error instanceof LateError || isTransient(error));
  const attemptOnce = async (attempt: number): Promise<SwitchResult> => {
    if (attempt > 1) await catchUp(signal);
    return { ...(await attemptSwitch(options, signal)), attempts: attempt };
  };
  try {
    return await retry(attemptOnce, {
      backoff: BACKOFF,
      maxAttempts: MAX_ATTEMPTS,
      isRetriable,
      onRetry: (error) => {
        note(`the switch has to wait: ${reasonOf(error)}; writes go on, trying again`);
      },
      signal,
    });
  } catch (error) {
    if (error instanceof TaskstreamError) throw error;
    signal.throwIfAborted();
    if (!isRetriable(error)) throw error;
    throw new TaskstreamError(
      'search_unavailable',
      `The alias could not be switched in ${MAX_ATTEMPTS} attempts, the last: ${reasonOf(error)}. ` +
        'Run it again when fewer writes come in, or allow more time with --switch-deadline.',
      { cause: error, retriable: true },
    );
  }
};

class LateError extends Error {}

type Attempt = Omit<SwitchResult, 'attempts'>;

const attemptSwitch = async (options: SwitchOptions, signal: AbortSignal): Promise<Attempt> => {
  const { client, from, to, meta, deadlineMs, catchUp, isAcceptable } = options;
  const late = new AbortController();
  const timer = setTimeout(() => {
    late.abort(new LateError());
  }, deadlineMs);
  const withinDeadline = AbortSignal.any([signal, late.signal]);
  // Written first: whoever finds the block after a kill knows by this whose it is.
  await writeMeta(client, to, { ...meta, switchingFrom: from });
  let mayUnblock = true;
  const startedAt = performance.now();
  const ended = (isSwitched: boolean): Attempt => ({
    isSwitched,
    blockedMs: Math.round(performance.now() - startedAt),
  });
  try {
    await blockWrites(client, from);
    // The writes that were under way are done: no search will ever show more of the old index than it does now.
    await catchUp(withinDeadline);
    if (!(await isAcceptable(withinDeadline))) return ended(false);
    await refresh(client, to);
    withinDeadline.throwIfAborted();
    await moveAlias(options, signal);
    mayUnblock = false;
    return ended(true);
  } catch (error) {
    if (error instanceof UnknownOutcome) mayUnblock = false;
    throw late.signal.aborted && !signal.aborted && mayUnblock ? new LateError() : error;
  } finally {
    clearTimeout(timer);
    if (mayUnblock) {
      await unblockWrites(client, from);
      await writeMeta(client, to, meta);
    }
  }
};

/** Returns when no write is under way any more. */
const blockWrites = async (client: Client, index: string): Promise<void> => {
  const { shards_acknowledged: isDrained } = await client.indices.addBlock(
    { index, block: 'write', timeout: MASTER_TIMEOUT, master_timeout: MASTER_TIMEOUT },
    REQUEST,
  );
  if (!isDrained) throw new LateError();
};

/** @throws TaskstreamError that says how to lift the block, when it cannot */
export const unblockWrites = async (client: Client, index: string): Promise<void> => {
  const lift = () => client.indices.putSettings({ index, settings: { index: { blocks: { write: null as never } } } });
  try {
    await retry(lift, {
      backoff: { baseMs: 250, maxMs: 8_000 },
      maxAttempts: UNBLOCK_ATTEMPTS,
      isRetriable: () => true,
    });
  } catch (error) {
    throw new TaskstreamError(
      'search_unavailable',
      `${index} still takes no writes, as Elasticsearch does not answer (${messageOf(error)}). ` +
        'Nothing is lost: indexers wait. Run reindex again once it answers; it lifts the block first.',
      { cause: error, retriable: true },
    );
  }
};

/** Both changes are one: no search finds the alias without an index, or with two. */
const moveAlias = async ({ client, alias, from, to }: SwitchOptions, signal: AbortSignal): Promise<void> => {
  try {
    await client.indices.updateAliases(
      {
        actions: [
          { remove: { index: from, alias, must_exist: true } },
          { add: servingAlias(to, alias) },
          { remove: { index: to, alias: fillingAliasOf(to) } },
        ],
        timeout: MASTER_TIMEOUT,
        master_timeout: MASTER_TIMEOUT,
      },
      REQUEST,
    );
  } catch (error) {
    const status = statusOf(error);
    if (status !== undefined && status < 500) throw error;
    // No answer, or none that decides: it happens within the time that Elasticsearch was given, or never.
    await sleep(2 * MASTER_TIMEOUT_MS, signal);
    if ((await liveIndex(client, alias, signal)) !== to) throw error;
  }
};

/** Asks until it gets an answer; once more when `signal` aborts. */
const liveIndex = async (client: Client, alias: string, signal: AbortSignal): Promise<string> => {
  const ask = async (): Promise<string> => (await readCatalog(client, alias)).live.name;
  try {
    return await retry(ask, { backoff: BACKOFF, isRetriable: () => true, signal }).catch(ask);
  } catch (error) {
    throw new UnknownOutcome(
      'search_unavailable',
      'Elasticsearch does not answer whether the alias was switched. Nothing is lost: run reindex list once it does.',
      { cause: error },
    );
  }
};
