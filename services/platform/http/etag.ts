/** Entity tags: the strong tag of a thing is its version in quotes (RFC 9110, sections 8.8.3 and 13.1). */
import { TaskstreamError } from '../errors.ts';

/**
 * The versions that a change accepts, as the conditions of its request say; nothing when any version will do.
 * `{ only: [] }` accepts none.
 */
export type ExpectedVersions =
  { readonly only: readonly number[] } | { readonly except: readonly number[] } | undefined;

export const etagOf = (version: number): string => `"${version}"`;

interface Tag {
  readonly weak: boolean;
  readonly value: string;
}

/**
 * A list of entity tags; white space around commas is free, and empty elements are ignored. At each character the
 * expression has one way to go on, so that it takes a time in proportion to the header's length, whatever stands there.
 */
const LIST =
  /^(?:(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"[\t ]*)?(?:,[\t ]*(?:(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"[\t ]*)?)*$/;
const TAG = /(W\/)?"([^"]*)"/g;

/** What the OpenAPI document says of these headers: what is taken, but for tabs and bytes beyond ASCII. */
export const ENTITY_TAGS_PATTERN =
  /^(?:\*|(?:(?:W\/)?"[!#-~]*" *|, *(?:(?:W\/)?"[!#-~]*" *)?)(?:, *(?:(?:W\/)?"[!#-~]*" *)?)*)$/.source;

const parseTags = (name: string, header: string): readonly Tag[] | '*' => {
  const trimmed = header.trim();
  if (trimmed === '*') return '*';
  if (trimmed === '' || !LIST.test(trimmed)) {
    throw new TaskstreamError('validation_failed', `${name} must be * or entity tags such as "3".`, {
      details: [{ path: `header.${name}`, message: 'must be * or a list of quoted entity tags' }],
    });
  }
  return [...trimmed.matchAll(TAG)].map(([, weak, value = '']) => ({ weak: weak !== undefined, value }));
};

/** The versions among tags. A tag that is no version of ours is valid, and matches nothing. */
const versionsOf = (tags: readonly Tag[]): number[] =>
  tags
    .filter(({ value }) => /^[1-9]\d{0,15}$/.test(value))
    .map(({ value }) => Number(value))
    .filter((version) => Number.isSafeInteger(version));

/**
 * What the conditions of a change accept. `If-Match` names versions by strong tags, `If-None-Match` those that the
 * change must not meet, by strong or weak ones; `*` stands for whatever version there is.
 * @throws TaskstreamError `validation_failed` for what is no list of tags
 */
export const expectedVersions = (ifMatch: string | undefined, ifNoneMatch: string | undefined): ExpectedVersions => {
  const wanted = ifMatch === undefined ? '*' : parseTags('If-Match', ifMatch);
  const unwanted = ifNoneMatch === undefined ? [] : parseTags('If-None-Match', ifNoneMatch);
  if (unwanted === '*') return { only: [] };
  const except = versionsOf(unwanted);
  if (wanted === '*') return except.length === 0 ? undefined : { except };
  return { only: versionsOf(wanted.filter(({ weak }) => !weak)).filter((version) => !except.includes(version)) };
};

/** Whether `If-None-Match` names this version, so that the client has it already. @throws as above */
export const isKnownVersion = (ifNoneMatch: string | undefined, version: number): boolean => {
  if (ifNoneMatch === undefined) return false;
  const tags = parseTags('If-None-Match', ifNoneMatch);
  return tags === '*' || tags.some(({ value }) => value === String(version));
};
