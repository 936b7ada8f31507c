/** Dates as files write them. */
import type { ImportedTask } from './line.ts';

/** The `dates` field of a task, left out when there are none. */
export const datesOf = (start?: string | null, due?: string | null): Pick<ImportedTask, 'dates'> => {
  if (!start && !due) return {};
  return { dates: { ...(start ? { start } : {}), ...(due ? { due } : {}) } };
};

/** True for a day of the calendar, such as 2026-03-05. */
export const isDay = (value: string): boolean => /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(value));

/** A day becomes its midnight in UTC; a full timestamp stays, and the API judges whether it is one. */
export const dayToTimestamp = (value: string | undefined): string | undefined =>
  value !== undefined && isDay(value) ? `${value}T00:00:00Z` : value === '' ? undefined : value;
