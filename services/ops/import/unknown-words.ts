/** Words that an import does not know: each is counted, and all of them are one question to who runs it. */
import { lineOf } from '../../platform/printable.ts';
import { WORDS } from '../../task/import/vocabulary.ts';
import { wordOf } from '../../task/import/words.ts';

export interface UnknownWord {
  readonly column: string;
  /** As it stands where it was met first, and where that is, such as `line 7`. */
  readonly cell: string;
  readonly first: string;
  times: number;
}

/** Different words that are counted: a column that has more was given a wrong name. */
const MAX_WORDS = 20;
/** Longer ones have no place in a command, in characters. */
const MAX_LENGTH = 60;

/** @returns false for words too many or too long to be counted: their line is reported by itself */
export const countWords = (
  found: Map<string, UnknownWord>,
  where: string,
  words: Readonly<Record<string, string>>,
): boolean => {
  const met = Object.entries(words).map(([column, cell]) => ({ column, cell, key: `${column}=${wordOf(cell)}` }));
  const fresh = met.filter(({ key }) => !found.has(key));
  if (found.size + fresh.length > MAX_WORDS || fresh.some(({ key }) => /[,:]/.test(key) || key.length > MAX_LENGTH)) {
    return false;
  }
  for (const { column, cell, key } of met) {
    const word = found.get(key) ?? { column, cell, first: where, times: 0 };
    word.times += 1;
    found.set(key, word);
  }
  return true;
};

/** What to say of the words, and the options that give them a meaning, where each `?` has to be replaced. */
export const questionOf = (words: readonly UnknownWord[]): { readonly text: string; readonly options: string[] } => {
  const columns = Object.entries(WORDS).flatMap(([column, meanings]) => {
    const own = words.filter((word) => word.column === column);
    return own.length === 0 ? [] : [{ column, own, senses: Object.keys(meanings).join(', ') }];
  });
  return {
    text: columns
      .map(({ column, own, senses }) => {
        const list = own.map(({ cell, first, times }) => {
          const where = times === 1 ? `in ${first}` : `${times} times, first in ${first}`;
          return `${JSON.stringify(lineOf(cell))} (${where})`;
        });
        return `${column}: not known are ${list.join(', ')}. Put one of ${senses} for each ?:`;
      })
      .join('\n'),
    options: columns.flatMap(({ column, own }) => [
      '--values',
      `${column}=${own.map(({ cell }) => `${wordOf(cell)}:?`).join(',')}`,
    ]),
  };
};
