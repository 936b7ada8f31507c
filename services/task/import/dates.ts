/** Dates as files write them, for the person who typed them. */
import { DateTime, IANAZone } from 'luxon';
import { TaskstreamError } from '../../platform/errors.ts';

const DAY = 'yyyy-MM-dd';
const UNAMBIGUOUS = [DAY, 'yyyy/M/d', 'yyyy.M.d', 'yyyyMMdd', 'd.M.yyyy', 'd MMM yyyy', 'd MMMM yyyy', 'MMM d, yyyy'];
const WITH_TIME = ["yyyy-MM-dd'T'HH:mm", "yyyy-MM-dd'T'HH:mm:ss", 'yyyy-MM-dd HH:mm', 'yyyy-MM-dd HH:mm:ss'];

/** True for a day of the calendar, such as 2026-03-05, and not for 2026-02-30. */
export const isDay = (value: string): boolean =>
  /^\d{4}-\d{2}-\d{2}$/.test(value) && DateTime.fromFormat(value, DAY).isValid;

/**
 * A date of a file as a timestamp; one that it cannot read stays, for the field's schema to refuse.
 * @param timezone in place of the reader's own
 */
export type DayReader = (value: string, timezone?: string) => string;

/**
 * @param timezone an IANA name: a day begins at its midnight there
 * @param format a date's form in luxon's tokens, tried before the common ones: d/M/yyyy reads differently by country
 * @throws TaskstreamError when there is no such time zone
 */
export const dayReader = (timezone: string, format?: string): DayReader => {
  if (!IANAZone.isValidZone(timezone)) {
    throw new TaskstreamError(
      'validation_failed',
      `There is no time zone "${timezone}"; use a name such as Europe/Berlin.`,
    );
  }
  const formats = [...(format === undefined ? [] : [format]), ...UNAMBIGUOUS, ...WITH_TIME];
  return (value, zone = timezone) => {
    for (const each of formats) {
      const date = DateTime.fromFormat(value, each, { zone, locale: 'en' });
      if (date.isValid) return date.toUTC().toISO();
    }
    return value;
  };
};
