/** Numbers and times as a person reads them. */

const whole = new Intl.NumberFormat('en');
const oneDigit = new Intl.NumberFormat('en', { maximumFractionDigits: 1, minimumFractionDigits: 1 });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

export const NONE = '–';

/** @param {number} count */
export const formatCount = (count) => (count < 1_000_000 ? whole.format(Math.round(count)) : compact.format(count));

/** A rate a second; null is one that cannot be told. @param {number | null} rate */
export const formatRate = (rate) => {
  if (rate === null) return NONE;
  return rate > 0 && rate < 10 ? oneDigit.format(rate) : formatCount(rate);
};

/** @param {number | null} ms */
export const formatMs = (ms) => {
  if (ms === null) return NONE;
  if (ms < 1_000) return `${whole.format(Math.round(ms))} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.floor((ms % 60_000) / 1_000)} s`;
  return `${Math.floor(ms / 3_600_000)} h ${Math.floor((ms % 3_600_000) / 60_000)} min`;
};

/** Round values on an axis. @param {number} ms */
export const formatAxis = (ms) => {
  if (ms < 1_000) return `${ms} ms`;
  return ms < 60_000 ? `${ms / 1_000} s` : `${oneDigit.format(ms / 60_000)} min`;
};

const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const time = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** @param {string} iso */
export const formatTime = (iso) => time.format(new Date(iso));

/** When something is to be done: what begins with a day, here, was typed without a time. @param {string} iso */
export const formatDate = (iso) => {
  const date = new Date(iso);
  const isDay = date.getHours() + date.getMinutes() + date.getSeconds() + date.getMilliseconds() === 0;
  return (isDay ? day : time).format(date);
};

/** The value of a `datetime-local` field, in the person's own time zone. @param {string | null} iso */
export const toLocalInput = (iso) => {
  if (iso === null) return '';
  const date = new Date(iso);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
};

/** Back again; an empty field is no date. @param {string} value */
export const fromLocalInput = (value) => (value === '' ? null : new Date(value).toISOString());

/** @param {string} text @param {number} most */
export const shorten = (text, most) => {
  const characters = Array.from(text);
  return characters.length <= most
    ? text
    : `${characters
        .slice(0, most - 1)
        .join('')
        .trimEnd()}…`;
};
