/** Versioned writes to the index by a run of verify: patient, and with an end. */
import type { Client } from '@elastic/elasticsearch';
import { createBulkWriter } from '../index/bulk.ts';
import { encodeOperation, type IndexOperation, type Outcome } from '../index/operation.ts';

export interface WriteOptions {
  readonly client: Client;
  readonly alias: string;
  /** How long writes are repeated while the index takes none, in milliseconds; what is open then is `pending`. */
  readonly timeoutMs: number;
  /** Called with the reason that a write is repeated for. */
  readonly onRetry: (reason: string) => void;
}

/** Settles operations; one outcome for each, in their order. */
export type Write = (operations: readonly IndexOperation[]) => Promise<readonly Outcome[]>;

const MAX_BYTES = 5_242_880;

export const createWrite = ({ client, alias, timeoutMs, onRetry }: WriteOptions): Write => {
  const writer = createBulkWriter({
    client,
    alias,
    maxBytes: MAX_BYTES,
    backoff: { baseMs: 200, maxMs: 5_000 },
    onRetry: (reason) => {
      if (reason !== undefined) onRetry(reason);
    },
  });
  return (operations) => writer.write(operations.map(encodeOperation), AbortSignal.timeout(timeoutMs));
};
