/**
 * When a whole backup is overdue: a setting beside the schedule, as a chart computes nothing of a cron expression (ADR 39).
 * What can be read off a schedule is held against it.
 */

/** Half a day after the next one of a schedule that runs every day. */
export const DEFAULT_OVERDUE_HOURS = 36;

/** Of a schedule that runs every day. */
export const EVERY_DAY = String.raw` \* \* \*$`;

/** Schedules as patterns, of JavaScript and of Go, and the hours from one backup to the next, at most. */
export const PAUSES = [
  { pattern: String.raw`^\S+ \d+ \* \* \*$`, hours: 24 },
  { pattern: String.raw`^\S+ \d+ \* \* \w+$`, hours: 7 * 24 },
  { pattern: String.raw`^\S+ \d+ \d+ \* \*$`, hours: 31 * 24 },
] as const;

export const MUST_BE_GIVEN =
  'must be given with a schedule that does not run every day: the hours from one backup to the next at most, and some for it to end';

export const mustBeAbove = (hours: number): string =>
  `must be above ${hours}, the hours from one backup to the next by its schedule`;

/** @returns what is wrong with it, if anything */
export const overdueHoursFault = (schedule: string, overdueHours: number | undefined): string | undefined => {
  if (overdueHours === undefined) return new RegExp(EVERY_DAY).test(schedule) ? undefined : MUST_BE_GIVEN;
  const pause = PAUSES.find(({ pattern }) => new RegExp(pattern).test(schedule));
  return pause !== undefined && overdueHours <= pause.hours ? mustBeAbove(pause.hours) : undefined;
};
