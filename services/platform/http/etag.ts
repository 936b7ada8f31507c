/** Entity tags: the strong tag of a thing is its version in quotes (RFC 9110, sections 8.8.3 and 13.1). */
import { TaskstreamError } from '../errors.ts';

/** The versions that a change accepts; nothing means any. */
export type ExpectedVersions = readonly number[] | undefined;

export const etagOf = (version: number): string => `"${version}"`;

interface Tag {
  readonly weak: boolean;
  readonly value: string;
}

const TAG_PATTERN = '(W/)?"[!#-~]*"';

/** What the OpenAPI document says of both headers: what is taken, but for tabs and bytes beyond ASCII. */
export const ENTITY_TAGS_PATTERN = `^(\\*|(${TAG_PATTERN}|, *(${TAG_PATTERN})?)( *, *(${TAG_PATTERN})?)*)$`;

/** A list of entity tags, or `*`; white space around commas is free, and empty elements are ignored. */
const LIST = /^(?:[\t ]*(?:(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")?[\t ]*(?:,|$))+$/;
const TAG = /(W\/)?"([^"]*)"/g;

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

/**
 * The versions that `If-Match` accepts; nothing when any will do. Weak tags never match here.
 * @throws TaskstreamError `validation_failed` for what is no list of tags
 */
export const expectedVersions = (ifMatch: string | undefined): ExpectedVersions => {
  if (ifMatch === undefined) return undefined;
  const tags = parseTags('If-Match', ifMatch);
  if (tags === '*') return undefined;
  // A tag that is no version of ours is valid, and matches nothing. Versions beyond 2^53 do not exist.
  return tags.filter(({ weak, value }) => !weak && /^[1-9]\d{0,14}$/.test(value)).map(({ value }) => Number(value));
};

/** Whether `If-None-Match` names this version, so that the client has it already. @throws as above */
export const isKnownVersion = (ifNoneMatch: string | undefined, version: number): boolean => {
  if (ifNoneMatch === undefined) return false;
  const tags = parseTags('If-None-Match', ifNoneMatch);
  return tags === '*' || tags.some(({ value }) => value === String(version));
};
