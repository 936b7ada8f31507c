/**
 * Writes operations with `_bulk` and reads the outcome of every single one.
 * Only an operation that can never be indexed is given up. All else is retried without end, with backoff: lag is visible
 * and harmless, a lost event is neither.
 * External versions make each write idempotent, so sending one twice is always safe.
 */
import type { Client } from '@elastic/elasticsearch';
import { withPart } from '../../platform/elasticsearch-answer.ts';
import { statusOf } from '../../platform/elasticsearch.ts';
import { messageOf, TaskstreamError } from '../../platform/errors.ts';
import { backoffMs, sleep, type BackoffOptions } from '../../platform/time.ts';
import { MAX_EVENT_BYTES } from '../topics.ts';
import { judgeItem, type BulkItem } from './bulk-item.ts';
import type { MappingGate } from './mapping-gate.ts';
import type { EncodedOperation, Outcome } from './operation.ts';

export interface BulkWriter {
  /**
   * Settles all operations; one outcome for each, in their order.
   * It returns early only when `signal` aborts; what was not settled by then is `pending`.
   */
  write(operations: readonly EncodedOperation[], signal: AbortSignal): Promise<readonly Outcome[]>;
}

export interface BulkOptions {
  readonly client: Client;
  readonly alias: string;
  /** Bound on the body of one request, in bytes. A single larger operation still goes out, alone. */
  readonly maxBytes: number;
  readonly backoff: BackoffOptions;
  /**
   * Asked about operations that the index has rejected: why they must wait instead of being given up, or nothing.
   * Without it every rejection is final.
   */
  readonly gate?: MappingGate;
  /** Called before each retry with the reason, and with `undefined` once writes succeed. */
  readonly onRetry: (reason: string | undefined, pending: number) => void;
  /** Called after each request, answered or not: those of one attempt may take longer together than any of them may. */
  readonly onRequest?: () => void;
}

/** An operation with its place among those of the call. */
interface Placed {
  readonly index: number;
  readonly operation: EncodedOperation;
}

export const createBulkWriter = (options: BulkOptions): BulkWriter => {
  const { client, alias, maxBytes, backoff, gate, onRetry, onRequest } = options;

  /** Sends one request; returns the outcomes it settled, and why the others must be sent again. */
  const send = async (chunk: readonly Placed[], attempts: number, signal: AbortSignal): Promise<ChunkResult> => {
    try {
      const request = client.bulk(
        {
          index: alias,
          // Without the alias, auto-creation would make an index of that name with guessed mappings.
          require_alias: true,
          operations: chunk.flatMap(({ operation }) => operation.lines),
          filter_path: [
            'items.*.status',
            'items.*.error.type',
            'items.*.error.reason',
            'items.*.error.caused_by.type',
            'items.*.error.caused_by.reason',
          ],
        },
        { signal },
      );
      const response = await request.finally(onRequest);
      return judgeItems(chunk, withPart(response, 'items').items, attempts);
    } catch (error) {
      // Only a body's size can be an operation's fault. Any other refusal is of the request, by whatever stands before the
      // index, and would hit each of its operations alone as well.
      if (statusOf(error) === 413) return splitTooLarge(chunk, messageOf(error), attempts, signal);
      return { settled: [], retry: chunk, reason: messageOf(error) };
    }
  };

  /** Halves a request whose body is refused as too large, down to the operations that are. */
  const splitTooLarge = async (
    chunk: readonly Placed[],
    message: string,
    attempts: number,
    signal: AbortSignal,
  ): Promise<ChunkResult> => {
    const [only] = chunk;
    if (only !== undefined && chunk.length === 1) {
      const { bytes } = only.operation;
      if (bytes <= MAX_EVENT_BYTES) {
        return {
          settled: [],
          retry: chunk,
          reason: `a request of ${bytes} bytes is refused as too large, and an event may have ${MAX_EVENT_BYTES}: raise the limit of Elasticsearch (http.max_content_length) or of the proxy before it (${message})`,
        };
      }
      const error = new TaskstreamError('document_too_large', `${bytes} bytes: ${message}`);
      return {
        settled: [[only.index, { kind: 'rejected', error, attempts, hasUnknownField: false }]],
        retry: [],
        reason: undefined,
      };
    }
    const middle = Math.ceil(chunk.length / 2);
    const first = await send(chunk.slice(0, middle), attempts, signal);
    const second = await send(chunk.slice(middle), attempts, signal);
    return {
      settled: [...first.settled, ...second.settled],
      retry: [...first.retry, ...second.retry],
      reason: first.reason ?? second.reason,
    };
  };

  /**
   * Turns rejections that the index's mapping explains into retries. The others are final when they are repeated now: the
   * mapping that was asked may be newer than the one that has rejected.
   */
  const holdBack = async (
    result: ChunkResult,
    operations: readonly EncodedOperation[],
    attempts: number,
    signal: AbortSignal,
  ): Promise<ChunkResult> => {
    const rejected = result.settled.flatMap(([index, outcome]) =>
      outcome.kind === 'rejected' ? [{ index, hasUnknownField: outcome.hasUnknownField }] : [],
    );
    if (gate === undefined || rejected.length === 0) return result;
    const judge = await gate(signal).finally(onRequest);
    const waiting: Placed[] = [];
    const repeated: Placed[] = [];
    let reason = result.reason;
    for (const { index, hasUnknownField } of rejected) {
      const operation = operations[index];
      if (operation === undefined) continue;
      const why = judge({ ...operation, hasUnknownField });
      (why === undefined ? repeated : waiting).push({ index, operation });
      reason ??= why;
    }
    const again = repeated.length === 0 ? undefined : await send(repeated, attempts, signal);
    return {
      settled: [...result.settled.filter(([, { kind }]) => kind !== 'rejected'), ...(again?.settled ?? [])],
      retry: [...result.retry, ...waiting, ...(again?.retry ?? [])],
      reason: reason ?? again?.reason,
    };
  };

  return {
    write: async (operations, signal) => {
      const outcomes = new Array<Outcome>(operations.length).fill({ kind: 'pending' });
      let open: readonly Placed[] = operations.map((operation, index) => ({ index, operation }));
      // What waited before was given away.
      if (open.length === 0) onRetry(undefined, 0);
      for (let attempt = 1; open.length > 0 && !signal.aborted; attempt += 1) {
        const retry: Placed[] = [];
        let reason: string | undefined;
        for (const chunk of chunksWithin(open, maxBytes)) {
          const result = await holdBack(await send(chunk, attempt, signal), operations, attempt, signal);
          for (const [index, outcome] of result.settled) outcomes[index] = outcome;
          retry.push(...result.retry);
          reason ??= result.reason;
        }
        open = retry;
        onRetry(open.length === 0 ? undefined : (reason ?? 'unknown'), open.length);
        if (open.length > 0) await sleep(backoffMs(attempt, backoff), signal);
      }
      return outcomes;
    },
  };
};

interface ChunkResult {
  readonly settled: readonly (readonly [index: number, outcome: Outcome])[];
  readonly retry: readonly Placed[];
  readonly reason: string | undefined;
}

/** Cuts the operations into runs whose lines stay within `maxBytes` together. */
const chunksWithin = (operations: readonly Placed[], maxBytes: number): readonly (readonly Placed[])[] => {
  const chunks: Placed[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const placed of operations) {
    const { bytes: own } = placed.operation;
    if (bytes + own > maxBytes) {
      chunks.push([]);
      bytes = 0;
    }
    chunks.at(-1)?.push(placed);
    bytes += own;
  }
  return chunks;
};

const judgeItems = (
  chunk: readonly Placed[],
  items: readonly Partial<Record<string, BulkItem>>[],
  attempts: number,
): ChunkResult => {
  const settled: [number, Outcome][] = [];
  const retry: Placed[] = [];
  let reason: string | undefined;
  chunk.forEach((placed, position) => {
    const verdict = judgeItem(items[position], placed.operation.kind, attempts);
    if (verdict.kind === 'retry') {
      retry.push(placed);
      reason ??= verdict.reason;
    } else settled.push([placed.index, verdict]);
  });
  return { settled, retry, reason };
};
