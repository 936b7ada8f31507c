import { describe, expect, it } from 'vitest';
import { hasVisibleCharacter, VISIBLE_PATTERN } from '../../services/task/text.ts';
import { taskFields } from '../../services/task/fields.ts';

const description = taskFields.description.input;

describe('a description', () => {
  it.each(['', ' \t', '\u200b', '\u0085', '\u0007\u001b', '\u2060\u00ad', '\u3164', '\ufe0f', '\ufffe', '\u{e0001}'])(
    'needs a visible character: %j',
    (text) => {
      expect(description.safeParse(text).success).toBe(false);
    },
  );

  it.each(['x', '-', '\u200bx', '🌱', 'é', '日本', '\u0301', '٣'])('may be %j', (text) => {
    expect(description.safeParse(text).success).toBe(true);
  });

  it('has 4,000 characters at most, however many code units they take, and spaces around it do not count', () => {
    expect(description.safeParse('🌱'.repeat(4_000)).success).toBe(true);
    expect(description.safeParse('🌱'.repeat(4_001)).success).toBe(false);
    expect(description.safeParse(` ${'x'.repeat(4_000)} `).data).toBe('x'.repeat(4_000));
    expect(description.safeParse('x'.repeat(4_001)).success).toBe(false);
  });

  it('has no more in the spelling that is stored, so that it can be sent back as it is read', () => {
    // Two characters in form NFC: Unicode Standard Annex 15, composition exclusions.
    const grows = '\u0958';
    const [stored] = taskFields.tags.toColumns([grows.repeat(25)])['tags'] as readonly string[];
    expect(taskFields.tags.input.safeParse([stored]).success).toBe(true);
    expect(taskFields.tags.input.safeParse([grows.repeat(26)]).success).toBe(false);
    expect(description.safeParse(grows.repeat(2_000)).success).toBe(true);
    expect(description.safeParse(grows.repeat(2_001)).success).toBe(false);
  });

  it('is published by the same rule: for each character of the basic plane alone, and after white space', () => {
    const published = new RegExp(VISIBLE_PATTERN);
    for (let code = 1; code < 0xd800; code += 1) check(published, code);
    for (let code = 0xe000; code <= 0xffff; code += 1) check(published, code);
    expect(published.test('a\0')).toBe(false);
  });
});

const check = (published: RegExp, code: number): void => {
  const text = ` ${String.fromCharCode(code)}`;
  if (published.test(text) !== hasVisibleCharacter(text))
    throw new Error(`U+${code.toString(16)} is judged differently`);
};
