/** What a schema found wrong, as the faults that answers, dead letters and import reports show. */
import { z } from 'zod';
import type { ErrorDetail } from './errors.ts';

/** Faults that are shown; nobody reads more, and whoever sends thousands must not be sent them back. */
const MAX_DETAILS = 20;
/** Longest message of one, in characters: it may hold names that the input made up. */
const MAX_MESSAGE_LENGTH = 300;

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  boolean: 'true or false',
  number: 'a number',
  int: 'a whole number',
};

/** What bounds of a value, and not of a length, are given for. */
const NUMBERS: ReadonlySet<string> = new Set(['number', 'int']);

/** Words for people, where a schema has none of its own; the library's own are used where this returns nothing. */
z.config({
  customError: (issue) => {
    if ('input' in issue && issue.input === undefined) return 'is required';
    if (issue.code === 'invalid_value') return `must be one of ${issue.values.join(', ')}`;
    if (issue.code === 'too_big' && NUMBERS.has(issue.origin)) return `must not be above ${issue.maximum}`;
    if (issue.code === 'too_small' && NUMBERS.has(issue.origin)) return `must not be below ${issue.minimum}`;
    const type = issue.code === 'invalid_type' ? TYPES[issue.expected] : undefined;
    return type && `must be ${type}`;
  },
});

/**
 * One fault for each issue, and for each name that is not known, up to a bound; its path begins with `root`, the part of the input that was parsed, if that
 * has a name.
 * @param shown names that answers have and requests do not: all that an object has of them are one fault, of who sends back what was shown
 */
export const detailsOf = (error: z.ZodError, root?: string, shown: readonly string[] = []): ErrorDetail[] => {
  const faults = error.issues.flatMap((issue) => {
    if (issue.code !== 'unrecognized_keys') return [issue];
    const { path, keys } = issue;
    const sentBack = keys.filter((key) => shown.includes(key));
    const others = keys.filter((key) => !shown.includes(key));
    const [verb, them] = sentBack.length === 1 ? ['is', 'it'] : ['are', 'them'];
    return [
      ...others.map((key) => ({ path: [...path, key], message: 'is not known' })),
      ...(sentBack.length === 0
        ? []
        : [{ path, message: `${sentBack.join(', ')} ${verb} set by the service: leave ${them} out` }]),
    ];
  });
  const details = faults.slice(0, MAX_DETAILS).map(({ path, message }) => ({
    path: shorten([...(root === undefined ? [] : [root]), ...path].join('.'), MAX_MESSAGE_LENGTH),
    message: shorten(message, MAX_MESSAGE_LENGTH),
  }));
  const more = faults.length - details.length;
  return more > 0 ? [...details, { path: root ?? '', message: `there are ${more} more faults` }] : details;
};

/** The text, or as much of its beginning as makes `most` characters with the sign that there is more. */
export const shorten = (text: string, most: number): string =>
  text.length > most ? `${text.slice(0, most - 1).toWellFormed()}…` : text;

/** All faults in one line; `root` names the input as a whole, for a fault without a path. */
export const describeDetails = (details: readonly ErrorDetail[], root = ''): string =>
  details
    .map(({ path, message }) => ({ name: path === '' ? root : path, message }))
    .map(({ name, message }) => (name === '' ? message : `${name}: ${message}`))
    .join('; ');
