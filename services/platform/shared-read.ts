/**
 * One question to the database for all gauges of a scrape. prom-client collects all metrics at the same time, so a gauge
 * that another one sets would still show what the scrape before found.
 */

/** @returns the answer to `read`, asked once for all who want it at the same time; nothing when it fails */
export const sharedRead = <T>(read: () => Promise<T>): (() => Promise<T | undefined>) => {
  let asked: Promise<T | undefined> | undefined;
  return () => {
    asked ??= read()
      // Readiness says that the database is away; a scrape must still answer, with the last figures.
      .catch(() => undefined)
      .finally(() => {
        asked = undefined;
      });
    return asked;
  };
};
