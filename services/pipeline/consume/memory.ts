/** Whether the process has room for what it may hold. */
import { MAX_RESPONSE_BYTES } from '../../platform/kafka/settings.ts';
import type { ConsumeConfig } from './env.ts';

const MIB = 1_048_576;
/** Code, stacks and the runtime itself, in bytes. */
const BASE_BYTES = 64 * MIB;
/** A batch is held as records and as the text that is written, in flight and read ahead, and once as a request's body. */
const BATCH_COPIES = 5;

/**
 * A sentence about a memory limit that is below what the heap and the buffers may take together, which would end the process
 * without a word; nothing when they fit, or when there is no limit.
 * @param heapBytes the most that V8's heap may take
 * @param limitBytes the container's limit; nothing, or more than any machine has, when there is none
 */
export const memoryShortage = (
  { FETCH_BUFFER_KBYTES, BULK_MAX_BYTES }: Pick<ConsumeConfig, 'FETCH_BUFFER_KBYTES' | 'BULK_MAX_BYTES'>,
  heapBytes: number,
  limitBytes: number | undefined,
): string | undefined => {
  if (limitBytes === undefined || limitBytes === 0) return undefined;
  const buffers = FETCH_BUFFER_KBYTES * 1_024 + MAX_RESPONSE_BYTES + BATCH_COPIES * BULK_MAX_BYTES;
  const needed = BASE_BYTES + heapBytes + buffers;
  const inMib = (bytes: number) => `${Math.ceil(bytes / MIB)} MiB`;
  return needed <= limitBytes
    ? undefined
    : `the memory limit of ${inMib(limitBytes)} is below the ${inMib(needed)} that heap (${inMib(heapBytes)}) and buffers may take: raise it, or lower --max-old-space-size, FETCH_BUFFER_KBYTES or BULK_MAX_BYTES`;
};
