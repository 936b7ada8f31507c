/** Samples the whole pipeline again and again while somebody watches. A server that is down is a finding, no fault. */
import type { Pool } from 'pg';
import { statusOf } from '../../platform/elasticsearch.ts';
import { messageOf, TaskstreamError } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { sleep, withDeadline } from '../../platform/time.ts';
import type { RequestCounts } from '../../platform/http/metrics.ts';
import { readOutbox } from '../../pipeline/write/outbox.ts';
import type { IndexReader } from './index-reader.ts';
import type { KafkaWatch } from './kafka-watch.ts';
import type { Probe } from './probe.ts';
import { createRate } from './rate.ts';
import type { Reading, Sample } from './sample.ts';

export interface SamplerOptions {
  readonly pool: Pool;
  readonly kafka: Pick<KafkaWatch, 'read'>;
  readonly index: Pick<IndexReader, 'count'>;
  readonly probe: Probe;
  readonly requestCounts: () => Promise<RequestCounts>;
  readonly intervalMs: number;
  /** Bound on one question to a server, in milliseconds. */
  readonly timeoutMs: number;
  readonly logger: Logger;
}

/** Rates are averages over this time. */
const RATE_WINDOW_MS = 5_000;

/** Runs until `signal` aborts; `onSample` gets each finding. */
export const runSampler = async (
  options: SamplerOptions,
  onSample: (sample: Sample) => void,
  signal: AbortSignal,
): Promise<void> => {
  const { pool, kafka, index, probe, requestCounts, intervalMs, timeoutMs, logger } = options;
  const rates = {
    requests: createRate(RATE_WINDOW_MS),
    failures: createRate(RATE_WINDOW_MS),
    topic: createRate(RATE_WINDOW_MS),
    indexed: createRate(RATE_WINDOW_MS),
  };
  const down = new Set<string>();

  const readingOf = async <T extends object>(name: string, ask: () => Promise<T>): Promise<Reading<T>> => {
    try {
      const found = await withDeadline(ask(), timeoutMs, name);
      if (down.delete(name)) logger.info({ name }, 'answers again');
      return { up: true, ...found };
    } catch (error) {
      if (!down.has(name)) logger.warn({ name, reason: messageOf(error) }, 'does not answer the console');
      down.add(name);
      // Names and addresses of servers stay in the log.
      return { up: false, reason: reasonOf(error) };
    }
  };

  const sample = async (): Promise<Sample> => {
    const [outbox, found, documents, requests] = await Promise.all([
      readingOf('PostgreSQL', () => readOutbox(pool)),
      readingOf('Kafka', () => kafka.read()),
      readingOf('Elasticsearch', async () => ({ documents: await index.count() })),
      requestCounts(),
    ]);
    const atMs = performance.now();
    const topicRate = found.up && found.end !== null ? rates.topic.next(found.end, atMs) : null;
    const indexedRate = found.up && found.done !== null ? rates.indexed.next(found.done, atMs) : null;
    if (!found.up) for (const rate of [rates.topic, rates.indexed]) rate.reset();
    return {
      // eslint-disable-next-line no-restricted-syntax -- a date for the page to show
      at: Date.now(),
      requestRate: rates.requests.next(requests.answered, atMs),
      failureRate: rates.failures.next(requests.failed, atMs),
      outbox,
      kafka: found,
      topicRate,
      indexedRate,
      index: documents,
      latency: probe.latency(),
    };
  };

  const probing = probe.run(signal);
  while (!signal.aborted) {
    const startedAt = performance.now();
    const found = await sample();
    onSample(found);
    await sleep(Math.max(0, intervalMs - (performance.now() - startedAt)), signal);
  }
  await probing;
};

const reasonOf = (error: unknown): string => {
  const status = statusOf(error);
  if (status === 401 || status === 403) return 'refuses the user';
  if (status === 404) return 'has no index yet';
  // It may hide one: Kafka does not tell a user without rights that there is one.
  if (error instanceof TaskstreamError && error.code === 'invalid_configuration') return 'shows no such topic';
  const message = messageOf(error);
  if (/authoriz|permission denied/i.test(message)) return 'refuses the user';
  if (/unknown topic/i.test(message)) return 'shows no such topic';
  return 'does not answer';
};
