/**
 * The dead-letter topic: the record as it was, with headers that say where it stood and why it could not be indexed.
 * The bytes of key, value and headers stay untouched, so that a replay is the same event again.
 */
import type { TaskstreamError } from '../../platform/errors.ts';
import type { Message } from '../../platform/kafka/native.ts';
import { ownHeaders } from '../../platform/kafka/headers.ts';
import { toHeaders, type KafkaProducer } from '../../platform/kafka/producer.ts';
import { backoffMs, sleep, unlessAborted, type BackoffOptions } from '../../platform/time.ts';

/** An event that cannot be indexed. */
export interface FailedEvent {
  readonly message: Message;
  readonly error: TaskstreamError;
  /** How often the write to the index was tried; 0 when it never got that far. */
  readonly attempts: number;
}

/** Longest error text in a header, in UTF-16 code units. */
const MAX_ERROR_LENGTH = 2_000;

/** Names of the headers that a dead letter adds. */
export const DEAD_LETTER_HEADERS = {
  topic: 'dlq.topic',
  partition: 'dlq.partition',
  offset: 'dlq.offset',
  timestamp: 'dlq.timestamp',
  reason: 'dlq.reason',
  error: 'dlq.error',
  attempts: 'dlq.attempts',
  failedAt: 'dlq.failed_at',
} as const;

export interface DeadLetterWriter {
  /**
   * Writes all as dead letters and returns once the broker has them, however long that takes.
   * @returns for each event whether it was written; false only when `signal` aborted before.
   */
  write(events: readonly FailedEvent[], signal: AbortSignal): Promise<readonly boolean[]>;
}

export interface DeadLetterOptions {
  readonly producer: Pick<KafkaProducer, 'send'>;
  readonly topic: string;
  readonly backoff: BackoffOptions;
  /** Called after each attempt with the reason, and with `undefined` once writes succeed. */
  readonly onRetry: (reason: string | undefined, pending: number) => void;
}

export const createDeadLetterWriter = ({ producer, topic, backoff, onRetry }: DeadLetterOptions): DeadLetterWriter => ({
  write: async (events, signal) => {
    const written = new Array<boolean>(events.length).fill(false);
    let open = events.map((event, index) => ({ index, record: toRecord(event) }));
    // What waited before was given away.
    if (open.length === 0) onRetry(undefined, 0);
    for (let attempt = 1; open.length > 0 && !signal.aborted; attempt += 1) {
      const sent = producer.send(
        topic,
        open.map(({ record }) => record),
      );
      // What arrives after an abort is a dead letter twice: its event is read again.
      const deliveries = await unlessAborted(sent, signal);
      if (deliveries === undefined) break;
      const failed: typeof open = [];
      let reason: string | undefined;
      open.forEach((entry, position) => {
        const error = deliveries[position];
        if (error === undefined) written[entry.index] = true;
        else {
          failed.push(entry);
          reason ??= error.message;
        }
      });
      open = failed;
      onRetry(reason, open.length);
      if (open.length > 0) await sleep(backoffMs(attempt, backoff), signal);
    }
    return written;
  },
});

const toRecord = ({ message, error, attempts }: FailedEvent) => ({
  key: message.key ?? null,
  value: message.value,
  headers: [
    ...ownHeaders(message),
    ...toHeaders({
      [DEAD_LETTER_HEADERS.topic]: message.topic,
      [DEAD_LETTER_HEADERS.partition]: String(message.partition),
      [DEAD_LETTER_HEADERS.offset]: String(message.offset),
      [DEAD_LETTER_HEADERS.timestamp]: String(message.timestamp ?? ''),
      [DEAD_LETTER_HEADERS.reason]: error.code,
      [DEAD_LETTER_HEADERS.error]: error.message.slice(0, MAX_ERROR_LENGTH),
      [DEAD_LETTER_HEADERS.attempts]: String(attempts),
      [DEAD_LETTER_HEADERS.failedAt]: new Date().toISOString(),
    }),
  ],
});
