import { describe, expect, it } from 'vitest';
import { ENTITY_TAGS_PATTERN, expectedVersions, isKnownVersion } from '../../services/platform/http/etag.ts';

describe('If-Match', () => {
  it.each([
    [undefined, undefined],
    ['*', undefined],
    ['"3"', [3]],
    ['"3", "5"', [3, 5]],
    [' "3" ,, "x" ', [3]],
    ['W/"3"', []],
    ['"0"', []],
    ['"99999999999999999999"', []],
  ])('%s accepts the versions %o', (header, versions) => {
    expect(expectedVersions(header)).toEqual(versions);
  });

  it.each(['3', '"3', '"3" "4"', '', 'w/"3"', '*, "3"'])('refuses %s, which is no list of tags', (header) => {
    expect(() => expectedVersions(header)).toThrow(/If-Match/);
  });

  it.each(['*', '"3"', 'W/"3", "4"', ',', ', ,"3"', '"3", ,'])('takes %s, as the document says', (header) => {
    expect(new RegExp(ENTITY_TAGS_PATTERN).test(header)).toBe(true);
    expect(() => expectedVersions(header)).not.toThrow();
  });
});

describe('If-None-Match', () => {
  it('compares weakly', () => {
    expect(isKnownVersion('W/"3"', 3)).toBe(true);
    expect(isKnownVersion('"2", "3"', 3)).toBe(true);
    expect(isKnownVersion('"2"', 3)).toBe(false);
    expect(isKnownVersion(undefined, 3)).toBe(false);
  });
});
