import { expect, it } from 'vitest';
import { textClause } from '../../services/pipeline/index/text.ts';

/** How often `field` is asked for, in the whole query. */
const count = (words: string, field: string): number =>
  JSON.stringify(textClause('text', words) ?? '').split(`"${field}":`).length - 1;

it('blanks exclude nothing, and nothing but punctuation is found nowhere', () => {
  expect(textClause('text', ' \t\n ')).toBeUndefined();
  for (const words of ['!?', '- & -', '\u200b']) {
    expect(textClause('text', words), words).toEqual({ must: { match_none: {} } });
  }
  expect(count('bread & milk', 'text')).toBe(count('bread milk', 'text'));
});

it('forgives no slip in short words, nor in those with a digit', () => {
  const forgives = (words: string) => JSON.stringify(textClause('text', words)).includes('fuzziness');
  for (const word of ['milk', 'O’Brien', 'straße', '(milk)']) expect(forgives(word), word).toBe(true);
  for (const word of ['cat', '4711', 'v1.2.3', 'node20', '"to"', '🎉🎉🎉🎉']) expect(forgives(word), word).toBe(false);
});

it('asks in all ways for 16 words, and for further ones once each: a server bounds the parts of a query', () => {
  const words = (number: number) => Array.from({ length: number }, (_, n) => `word${n}`).join(' ');
  const sixteen = count(words(16), 'text');
  expect(count(words(100), 'text.words')).toBe(count(words(16), 'text.words'));
  expect(count(words(100), 'text')).toBe(sixteen + 84);
});

it('asks twice for text without blanks, however long: each pair of characters would be a part of the query', () => {
  for (const text of [
    '会議',
    '会議の資料を準備する'.repeat(300),
    '🎉'.repeat(300),
    `https://example.org/${'a/'.repeat(60)}`,
  ]) {
    expect(JSON.stringify(textClause('text', text))).not.toContain('text.words');
  }
});

it('a sign is a part of the word', () => {
  for (const word of ['+home', '@phone', 'C#', 'C++']) expect(count(word, 'text.stems'), word).toBe(0);
  for (const word of ['+', 'home+', '+1', 'a+b', '#4711'])
    expect(JSON.stringify(textClause('text', word)), word).not.toContain('exists');
});
