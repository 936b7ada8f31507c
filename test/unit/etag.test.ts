import { describe, expect, it } from 'vitest';
import { ENTITY_TAGS_PATTERN, expectedVersions, isKnownVersion } from '../../services/platform/http/etag.ts';

const REFUSED = ['3', '"3', '"3" "4"', '', 'w/"3"', '*, "3"', '"3",*', '"a b"'];

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
  ])('%s accepts the versions %o', (header, only) => {
    expect(expectedVersions(header, undefined)).toEqual(only && { only });
  });

  it.each(REFUSED)('refuses %s, which is no list of tags', (header) => {
    expect(new RegExp(ENTITY_TAGS_PATTERN).test(header)).toBe(false);
    expect(() => expectedVersions(header, undefined)).toThrow(/If-Match/);
  });

  it.each(['*', '"3"', 'W/"3", "4"', ',', ', ,"3"', '"3", ,', '"3" , ,W/"4"'])(
    'takes %s, as the document says',
    (header) => {
      expect(new RegExp(ENTITY_TAGS_PATTERN).test(header)).toBe(true);
      expect(() => expectedVersions(header, undefined)).not.toThrow();
    },
  );
});

describe('If-None-Match', () => {
  it('compares weakly', () => {
    expect(isKnownVersion('W/"3"', 3)).toBe(true);
    expect(isKnownVersion('"2", "3"', 3)).toBe(true);
    expect(isKnownVersion('"2"', 3)).toBe(false);
    expect(isKnownVersion(undefined, 3)).toBe(false);
  });

  it.each([
    [undefined, '*', { only: [] }],
    ['"3"', '*', { only: [] }],
    [undefined, '"3", W/"4"', { except: [3, 4] }],
    [undefined, '"x"', undefined],
    ['*', '"3"', { except: [3] }],
    ['"3", "5"', 'W/"3"', { only: [5] }],
  ])('narrows what a change with If-Match %s accepts: %s', (ifMatch, ifNoneMatch, expected) => {
    expect(expectedVersions(ifMatch, ifNoneMatch)).toEqual(expected);
  });

  it.each(REFUSED)('refuses %s, which is no list of tags', (header) => {
    expect(() => expectedVersions(undefined, header)).toThrow(/If-None-Match/);
    expect(() => isKnownVersion(header, 3)).toThrow(/If-None-Match/);
  });
});

it.each([
  ['blanks', `,${' '.repeat(15_000)}x`],
  ['commas and blanks', `"3"${' , '.repeat(5_000)}x`],
  ['tags', `${'"3" , '.repeat(2_500)}x`],
  ['open quotes', '"'.repeat(15_001)],
])('costs no more for a header of 15 kB of %s than its length', (_, header) => {
  const published = new RegExp(ENTITY_TAGS_PATTERN);
  const startedAt = performance.now();
  // Some ten milliseconds; one alone took a second where an expression could divide blanks in more than one way.
  for (let i = 0; i < 50; i += 1) {
    expect(() => expectedVersions(header, header)).toThrow();
    expect(published.test(header)).toBe(false);
  }
  expect(performance.now() - startedAt).toBeLessThan(5_000);
});
