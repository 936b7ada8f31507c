/** Reads of a person who asks: one at a time, by a reader of its own for each, which joins no group and commits nothing. */
import { messageOf, TaskstreamError } from '../../platform/errors.ts';
import { createTopicReader, type TopicReader } from '../../platform/kafka/reader.ts';
import type { KafkaConfig } from '../../platform/kafka/settings.ts';
import type { Logger } from '../../platform/logger.ts';
import { withDeadline } from '../../platform/time.ts';

export interface TopicReading {
  /** @throws TaskstreamError `console_unavailable` when Kafka does not answer in time, or too many wait */
  readonly read: <T>(use: (reader: TopicReader, signal: AbortSignal) => Promise<T>) => Promise<T>;
  /** Ends what reads, and waits for it. */
  readonly close: () => Promise<void>;
}

export interface TopicReadingOptions {
  readonly config: KafkaConfig;
  /** A group that this user may ask about; it is never joined. */
  readonly group: string;
  readonly logger: Logger;
}

/** Bound on one question, in milliseconds. */
const TIMEOUT_MS = 10_000;
const MOST_WAITING = 5;
/** Others wait for it. */
const CLOSE_MS = 3_000;

export const createTopicReading = ({ config, group, logger }: TopicReadingOptions): TopicReading => {
  const stop = new AbortController();
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;

  const once = async <T>(use: (reader: TopicReader, signal: AbortSignal) => Promise<T>): Promise<T> => {
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const reader = await createTopicReader(config, {
      clientId: 'taskstream-console',
      fetchWaitMs: 20,
      group,
      logger,
      signal,
    });
    try {
      const found = await use(reader, signal);
      // What was cut short is not the whole answer.
      signal.throwIfAborted();
      return found;
    } finally {
      await withDeadline(reader.close(), CLOSE_MS, 'closing the reader').catch((error: unknown) => {
        logger.warn({ reason: messageOf(error) }, 'a reader of the console is left behind');
      });
    }
  };

  return {
    read: async (use) => {
      if (stop.signal.aborted || waiting >= MOST_WAITING) throw unavailable('Others ask just now');
      waiting += 1;
      const asked = last.then(() => once(use));
      last = asked.catch(() => undefined);
      try {
        return await asked;
      } catch (error) {
        if (error instanceof TaskstreamError && error.code.endsWith('_not_found')) throw error;
        logger.warn({ reason: messageOf(error) }, 'the console could not read a topic');
        throw unavailable('Kafka does not answer');
      } finally {
        waiting -= 1;
      }
    },
    close: async () => {
      stop.abort(new TaskstreamError('stopped', 'the process stops'));
      await last;
    },
  };
};

const unavailable = (why: string): TaskstreamError =>
  new TaskstreamError('console_unavailable', `${why}; try again in a moment.`, { retriable: true });
