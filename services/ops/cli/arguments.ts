/** Times, durations and counts on the command line. */
import { InvalidArgumentError } from 'commander';

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/i;

/** `90s`, `15m`, `2h` or `3d`, in milliseconds. */
export const durationMs = (text: string): number => {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  if (count === undefined || !isUnit(unit))
    throw new InvalidArgumentError('Use a duration such as 90s, 15m, 2h or 3d.');
  return Number(count) * UNIT_MS[unit];
};

const isUnit = (text: string | undefined): text is keyof typeof UNIT_MS => text !== undefined && text in UNIT_MS;

/** A time as milliseconds since 1970: RFC 3339, or how long ago. */
export const timeMs = (text: string): number => {
  // eslint-disable-next-line no-restricted-syntax -- the result is a date
  if (/^\d+[smhd]$/.test(text)) return Date.now() - durationMs(text);
  const time = RFC3339.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) {
    throw new InvalidArgumentError(
      'Use RFC 3339 with a zone, such as 2026-11-24T08:00:00Z, or how long ago: 15m, 2h, 3d.',
    );
  }
  return time;
};

/** Whole numbers from `least` to `most`, both included. */
export const wholeNumberFrom =
  (least: number, most = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (number >= least && number <= most) return number;
    const end = most === Number.MAX_SAFE_INTEGER ? 'on' : `to ${most}`;
    throw new InvalidArgumentError(`Use a whole number from ${least} ${end}.`);
  };

export const wholeNumber = wholeNumberFrom(0);

export const seconds = (text: string): number => {
  const number = Number(text);
  if (!(number >= 0.1 && number <= 3_600)) throw new InvalidArgumentError('Use a number of seconds from 0.1 to 3600.');
  return number;
};

export interface Position {
  readonly partition: number;
  readonly offset: number;
}

/** `partition:offset`. */
export const position = (text: string): Position => {
  const [, partition, offset] = /^(\d+):(\d+)$/.exec(text) ?? [];
  if (partition === undefined || offset === undefined)
    throw new InvalidArgumentError('Use partition:offset, as in 0:17.');
  return { partition: Number(partition), offset: Number(offset) };
};

/** One of a few words, for options whose `choices` would not do. Says it as those do, so that usage errors add what was meant. */
export const oneOf =
  (words: readonly string[]) =>
  (text: string): string => {
    if (words.includes(text)) return text;
    throw new InvalidArgumentError(`Allowed choices are ${words.join(', ')}.`);
  };

/** For options that may be given several times. */
export const collect =
  <T>(parse: (text: string) => T) =>
  (text: string, before: readonly T[] = []): readonly T[] => [...before, parse(text)];
