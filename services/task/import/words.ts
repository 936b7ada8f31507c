/** What a word of a cell means, whichever tool wrote it. */
import { oneSpelling } from '../text.ts';
import { WORDS } from './vocabulary.ts';

/** Without regard to case, blanks and hyphens within; in front one is the sign of a number. */
export const wordOf = (cell: string): string => {
  const word = oneSpelling(cell)
    .toLowerCase()
    .replace(/[\s_]+/g, '');
  return word.replace(/(?!^)-/g, '');
};

interface Meanings {
  readonly priority: keyof (typeof WORDS)['priority'];
  readonly isDone: keyof (typeof WORDS)['isDone'];
}

/** Nothing for a word that is not known. Org mode writes a priority as [#A]. */
export const meaningOf = <C extends keyof Meanings>(column: C, cell: string): Meanings[C] | undefined => {
  const word = wordOf(cell).replace(/^\[#(\w)\]$/, '$1');
  const meanings = Object.entries<readonly string[]>(WORDS[column]);
  return meanings.find(([, words]) => words.includes(word))?.[0] as Meanings[C] | undefined;
};
