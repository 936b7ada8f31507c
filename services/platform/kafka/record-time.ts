/** Times that come from a topic: whoever produces a record may give it any number. */

/** The year 10000, where RFC 3339 ends. */
const END_MS = 253_402_300_800_000;

/** Milliseconds since 1970, or nothing when it is no moment that can be written down. */
export const validTimeMs = (ms: number | undefined): number | undefined =>
  ms !== undefined && ms >= 0 && ms < END_MS ? ms : undefined;

/** RFC 3339, or nothing. */
export const timeText = (ms: number | undefined): string | null => {
  const valid = validTimeMs(ms);
  return valid === undefined ? null : new Date(valid).toISOString();
};
