/** Commands as a person can paste them. */
import { lineOf } from '../../platform/printable.ts';

const PLAIN = /^[\w@%+=:,./-]+$/;

/**
 * One word of a shell: of a POSIX one, or of bash where it has a character that a terminal would act on. That one stands in
 * the word by its bytes, as the prompt that it is pasted into would act on it too.
 */
export const quoted = (word: string): string => {
  if (PLAIN.test(word)) return word;
  if (lineOf(word) === word) return `'${word.replaceAll("'", String.raw`'\''`)}'`;
  return `$'${Array.from(word, escaped).join('')}'`;
};

const escaped = (character: string): string => {
  if (character === '\\' || character === "'") return `\\${character}`;
  if (lineOf(character) === character) return character;
  return [...Buffer.from(character)].map((byte) => String.raw`\x${byte.toString(16).padStart(2, '0')}`).join('');
};

/** @param words the arguments of `ops` */
export const commandLine = (words: readonly string[]): string => ['npm run ops --', ...words.map(quoted)].join(' ');
