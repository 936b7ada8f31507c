/** Dates as files write them, for the person who typed them. */
import { DateTime, IANAZone } from 'luxon';
import { TaskstreamError } from '../../platform/errors.ts';

const DAY = 'yyyy-MM-dd';
const UNAMBIGUOUS = [
  ...[DAY, 'yyyy/M/d', 'yyyy.M.d', 'yyyyMMdd', 'd.M.yyyy', 'd MMM yyyy', 'd MMMM yyyy', 'MMM d, yyyy', 'MMM d yyyy'],
  ...['MMMM d, yyyy', 'EEE, MMM d, yyyy', 'EEEE, MMMM d, yyyy', 'd/MMM/yy', 'd-MMM-yyyy', 'd-MMM-yy'],
];
const WITH_TIME = [
  ...["yyyy-MM-dd'T'HH:mm", "yyyy-MM-dd'T'HH:mm:ss", "yyyy-MM-dd'T'HH:mm:ss.SSS", 'yyyy-MM-dd HH:mm'],
  ...['yyyy-MM-dd HH:mm:ss', 'MMMM d, yyyy h:mm a', 'MMM d, yyyy h:mm a', 'd/MMM/yy h:mm a', 'd.M.yyyy HH:mm'],
  // Org mode, without its brackets.
  ...['yyyy-MM-dd EEE', 'yyyy-MM-dd EEE HH:mm'],
];
/** Seconds or milliseconds since 1970. */
const EPOCH = /^(\d{10})(?:(\d{3})|\.\d+)?$/;
/** ISO 8601 without signs, as iCalendar and Taskwarrior have it. */
const BASIC = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;
const WITH_OFFSET = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?) ?(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)$/i;

/** True for a day of the calendar, such as 2026-03-05, and not for 2026-02-30. */
export const isDay = (value: string): boolean =>
  /^\d{4}-\d{2}-\d{2}$/.test(value) && DateTime.fromFormat(value, DAY).isValid;

/**
 * A date of a file as a timestamp; one that it cannot read stays, for the field's schema to refuse.
 * @param timezone in place of the reader's own
 */
export type DayReader = (value: string, timezone?: string) => string;

const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
/** The time zone of whoever types the command; Node takes UTC for a TZ that it does not know, such as `:/etc/localtime`. */
export const HERE = IANAZone.isValidZone(timeZone) ? timeZone : 'UTC';

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
  return (text, zone = timezone) => {
    const given = text.replace(BASIC, '$1-$2-$3T$4:$5:$6Z');
    const [, seconds, milliseconds = '000'] = EPOCH.exec(given) ?? [];
    if (seconds !== undefined)
      return (
        DateTime.fromMillis(Number(`${seconds}${milliseconds}`))
          .toUTC()
          .toISO() ?? given
      );
    const [, day, time, offset = ''] = WITH_OFFSET.exec(given) ?? [];
    if (day !== undefined && time !== undefined) {
      const seconds = time.length === 5 ? ':00' : '';
      const [hours, minutes = '00'] = offset.match(/[+-]?\d\d/g) ?? [];
      return `${day}T${time}${seconds}${hours === undefined ? 'Z' : `${hours}:${minutes}`}`;
    }
    // PostgreSQL has microseconds, .NET seven digits; org mode has brackets.
    const value = given.replace(/(:\d\d\.\d{3})\d+$/, '$1').replace(/^[<[](.*)[>\]]$/, '$1');
    for (const each of formats) {
      const date = DateTime.fromFormat(value, each, { zone, locale: 'en' });
      if (date.isValid) return date.toUTC().toISO();
    }
    return given;
  };
};
