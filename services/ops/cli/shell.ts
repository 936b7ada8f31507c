/** Commands as a person can paste them. */

const PLAIN = /^[\w@%+=:,./-]+$/;

/** One word of a POSIX shell. */
export const quoted = (word: string): string =>
  PLAIN.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;

/** @param words the arguments of `ops` */
export const commandLine = (words: readonly string[]): string => ['npm run ops --', ...words.map(quoted)].join(' ');
