/** Dates as files write them. */

/** True for a day of the calendar, such as 2026-03-05. */
export const isDay = (value: string): boolean => /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(value));

/** A day becomes its midnight in UTC; a full timestamp stays, and the field's schema judges whether it is one. */
export const dayToTimestamp = (value: string | undefined): string | undefined =>
  value !== undefined && isDay(value) ? `${value}T00:00:00Z` : value === '' ? undefined : value;
