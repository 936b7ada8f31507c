/**
 * One question to the database for all gauges of a scrape. prom-client collects all metrics at the same time, so a gauge
 * that another one sets would still show what the scrape before found.
 */
import { withDeadline } from './time.ts';

/** How long a scrape waits for an answer: Prometheus gives up after 10 s, and would miss all other metrics too. */
const ANSWER_MS = 2_000;

/**
 * @returns the answer to `read`, asked once for all who want it at the same time; nothing when it fails or takes too long.
 * A read that goes on meanwhile is not begun a second time: whoever asks next waits for that one.
 */
export const sharedRead = <T>(read: () => Promise<T>): (() => Promise<T | undefined>) => {
  let asked: Promise<T> | undefined;
  return () => {
    asked ??= read().finally(() => {
      asked = undefined;
    });
    // Readiness says that the database is away; a scrape must still answer.
    return withDeadline(asked, ANSWER_MS, 'a read for a scrape').catch(() => undefined);
  };
};
