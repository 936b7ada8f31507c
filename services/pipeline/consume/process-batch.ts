/**
 * A batch of records becomes at most one write an id, and every record gets a final outcome:
 * collapse → bulk → dead letters. Events that are newer than this code wait for a newer version of it.
 */
import { ROOT_CONTEXT, SpanStatusCode, type Tracer } from '@opentelemetry/api';
import type { TaskstreamError } from '../../platform/errors.ts';
import { linksTo, type ReceivedTraceHeaders } from '../../platform/telemetry.ts';
import type { Logger } from '../../platform/logger.ts';
import { backoffMs, sleep, type BackoffOptions } from '../../platform/time.ts';
import type { BulkWriter } from '../index/bulk.ts';
import { collapse } from '../index/collapse.ts';
import type { DeadLetterWriter, FailedEvent } from '../dead-letters/writer.ts';
import type { SearchableMeter } from './searchable.ts';
import { headerOf } from '../../platform/kafka/headers.ts';
import type { EventOutcome, IndexerMetrics } from './metrics.ts';
import type { EncodedOperation } from '../index/operation.ts';
import type { ReceivedEvent } from './received.ts';

export interface BatchProcessor {
  /**
   * Settles a batch; it returns when every record is settled, or when `signal` aborts.
   * @returns for each record whether its outcome is final
   */
  process(batch: readonly ReceivedEvent[], signal: AbortSignal): Promise<readonly boolean[]>;
}

export interface BatchProcessorOptions {
  /** Label of the figures. */
  readonly entity: string;
  /** Where the batches come from: part of the spans' names. */
  readonly topic: string;
  readonly bulk: BulkWriter;
  readonly deadLetters: DeadLetterWriter;
  readonly searchable: Pick<SearchableMeter, 'written'>;
  /** Called again and again while events wait for a newer version of this code. */
  readonly newer: {
    readonly backoff: BackoffOptions;
    readonly onRetry: (reason: string | undefined, pending: number) => void;
  };
  readonly metrics: IndexerMetrics;
  readonly tracer: Tracer;
  readonly logger: Logger;
}

/** A record with its operation, and its place in the batch. */
interface Entry {
  readonly index: number;
  readonly operation: EncodedOperation;
}

interface Poison {
  readonly index: number;
  readonly error: TaskstreamError;
  readonly attempts: number;
}

export const createBatchProcessor = (options: BatchProcessorOptions): BatchProcessor => {
  const { entity, topic, bulk, deadLetters, searchable, newer, metrics, tracer, logger } = options;

  /**
   * Writes the newest operation of each id. Where the index rejects it, the next older one of that id gets its
   * turn: a poison update must not take its good predecessor along.
   */
  const writeAll = async (entries: readonly Entry[], settle: Settle, signal: AbortSignal): Promise<Poison[]> => {
    const poison: Poison[] = [];
    let open = entries;
    do {
      const { operations, settledBy } = collapse(open.map(({ operation }) => operation));
      const outcomes = await bulk.write(operations, signal);
      const again: Entry[] = [];
      open.forEach((entry, position) => {
        const target = settledBy[position] ?? -1;
        const outcome = outcomes[target];
        if (outcome === undefined || outcome.kind === 'pending') return;
        const newest = operations[target] === entry.operation;
        if (outcome.kind === 'rejected') {
          if (newest) poison.push({ index: entry.index, error: outcome.error, attempts: outcome.attempts });
          else again.push(entry);
        } else settle(entry.index, newest ? outcome.kind : 'superseded');
      });
      open = again;
    } while (open.length > 0);
    return poison;
  };

  const process = async (batch: readonly ReceivedEvent[], signal: AbortSignal): Promise<boolean[]> => {
    const settled = new Array<boolean>(batch.length).fill(false);
    const changedAt: number[] = [];
    const settle: Settle = (index, result) => {
      settled[index] = true;
      // The event before a tombstone was counted as the deletion already.
      const isTombstone = batch[index]?.message.value === null && result !== 'dead_letter';
      const outcome = isTombstone ? 'tombstone' : result;
      metrics.events.inc({ entity, outcome });
      if (outcome !== 'indexed' && outcome !== 'deleted') return;
      const changedAtMs = batch[index]?.changedAtMs ?? Number.NaN;
      if (!Number.isNaN(changedAtMs)) {
        // eslint-disable-next-line no-restricted-syntax -- from a date of another machine's
        metrics.eventToIndexed.observe({ entity }, Math.max(0, Date.now() - changedAtMs) / 1_000);
        changedAt.push(changedAtMs);
      }
    };
    const entries: Entry[] = [];
    const poison: Poison[] = [];
    batch.forEach(({ event }, index) => {
      if (event.kind === 'operation') entries.push({ index, operation: event.operation });
      else if (event.kind === 'tombstone') settle(index, 'tombstone');
      else if (event.kind === 'poison') poison.push({ index, error: event.error, attempts: 0 });
    });
    poison.push(...(await writeAll(entries, settle, signal)));
    searchable.written(changedAt);
    await sendToDeadLetters(poison, batch, settle, signal);
    await waitForNewerCode(batch, signal);
    return settled;
  };

  /** Only a newer version of this process can settle these: they wait, visibly, until this one is stopped. */
  const waitForNewerCode = async (batch: readonly ReceivedEvent[], signal: AbortSignal): Promise<void> => {
    const waiting = batch.flatMap(({ event }) => (event.kind === 'newer' ? [event.reason] : []));
    for (let attempt = 1; waiting.length > 0 && !signal.aborted; attempt += 1) {
      newer.onRetry(waiting[0], waiting.length);
      await sleep(backoffMs(attempt, newer.backoff), signal);
    }
  };

  const sendToDeadLetters = async (
    poison: readonly Poison[],
    batch: readonly ReceivedEvent[],
    settle: Settle,
    signal: AbortSignal,
  ): Promise<void> => {
    const failed = poison.flatMap(({ index, error, attempts }): (FailedEvent & { index: number })[] => {
      const message = batch[index]?.message;
      return message === undefined ? [] : [{ index, message, error, attempts }];
    });
    const written = await deadLetters.write(failed, signal);
    failed.forEach(({ index, message, error }, position) => {
      if (written[position] !== true) return;
      settle(index, 'dead_letter');
      metrics.deadLetters.inc({ entity, reason: error.code });
      const { topic, partition, offset, key } = message;
      logger.error(
        { topic, partition, offset, key: key?.toString(), reason: error.code, detail: error.message },
        'event went to the dead-letter topic',
      );
    });
  };

  return {
    process: async (batch, signal) => {
      const endTimer = metrics.batchDuration.startTimer({ entity });
      metrics.batchEvents.observe({ entity }, batch.length);
      const span = tracer.startSpan(`${topic} process`, { links: linksTo(traceHeadersIn(batch)) }, ROOT_CONTEXT);
      span.setAttributes({
        'messaging.system': 'kafka',
        'messaging.destination.name': topic,
        'messaging.operation.type': 'process',
        'messaging.batch.message_count': batch.length,
      });
      try {
        const settled = await process(batch, signal);
        span.setAttribute('taskstream.unsettled', settled.filter((final) => !final).length);
        return settled;
      } catch (error) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: String(error) });
        throw error;
      } finally {
        span.end();
        endTimer();
      }
    },
  };
};

type Settle = (index: number, outcome: EventOutcome) => void;

/** Read one by one: a batch has more records than a span takes links. */
const traceHeadersIn = function* (batch: readonly ReceivedEvent[]): Iterable<ReceivedTraceHeaders> {
  for (const { message } of batch) {
    yield { traceparent: headerOf(message, 'traceparent'), tracestate: headerOf(message, 'tracestate') };
  }
};
