import { describe, expect, it } from 'vitest';
import { IDEMPOTENCY_KEY_PATTERN, idempotencyKeyOf } from '../../services/platform/http/idempotency-key.ts';

describe('an Idempotency-Key', () => {
  it.each([
    ['abc', 'abc'],
    ['"abc"', 'abc'],
    [String.raw`"a \"b\" \\"`, 'a "b" \\'],
    ['x'.repeat(255), 'x'.repeat(255)],
    [`"${'x'.repeat(255)}"`, 'x'.repeat(255)],
    // No string of the draft, and so plain text.
    ['"abc', '"abc'],
    ['a"b"', 'a"b"'],
    ['""', '""'],
  ])('%s names the key %s', (header, key) => {
    expect(new RegExp(IDEMPOTENCY_KEY_PATTERN).test(header)).toBe(true);
    expect(idempotencyKeyOf(header)).toBe(key);
  });

  it.each(['', 'a b', '"a", "b"', 'x'.repeat(256), `"${'x'.repeat(256)}"`, 'é'])('%s is refused', (header) => {
    expect(new RegExp(IDEMPOTENCY_KEY_PATTERN).test(header)).toBe(false);
    expect(() => idempotencyKeyOf(header)).toThrow(/Idempotency-Key/);
  });
});
