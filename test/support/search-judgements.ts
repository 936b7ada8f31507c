/** Searches with the texts that they should find, graded by people, and how well an order of hits meets them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '../fixtures/search');
/** Hits that somebody looks at. */
const SEEN = 10;

/** Lines of a fixture, each as a text and what stands behind its tab. */
const linesOf = (file: string): (readonly [string, string])[] =>
  readFileSync(join(FOLDER, file), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [first = '', second = ''] = line.split('\t');
      return [first, second] as const;
    });

/** The set by whose half the search was tuned, and one by somebody who did not know how words are found. */
export type JudgedSet = 'tuned' | 'unseen';

/** Texts by name. */
export const descriptions = (set: JudgedSet): ReadonlyMap<string, string> =>
  new Map(linesOf(`${set}-descriptions.txt`));

export interface Judgement {
  readonly words: string;
  /** Grades by name of the text: 3 has the words, 2 another form of them, 1 is what was meant; none for "nothing". */
  readonly grades: ReadonlyMap<string, number>;
}

export const judgements = (set: JudgedSet): readonly Judgement[] =>
  linesOf(`${set}-judgements.txt`).map(([words, wanted]) => ({
    words,
    grades: new Map(
      (wanted === '-' ? [] : wanted.split(' ')).map((part) => {
        const [name = '', grade = ''] = part.split(':');
        return [name, Number(grade)] as const;
      }),
    ),
  }));

export interface Quality {
  /**
   * Normalized discounted cumulative gain of the first 10 hits, from 0 to 1. Source: Järvelin and Kekäläinen, 2002, with
   * the gain 2^grade − 1. Where nothing is wanted, 1 for no hit and 0 for any.
   */
  readonly ndcg: number;
  /** Share of the wanted texts among the first 10 hits. */
  readonly recall: number;
  /** Share of wanted texts in the first 10 hits. */
  readonly precision: number;
}

const gainOf = (grades: readonly number[]): number =>
  grades.slice(0, SEEN).reduce((sum, grade, place) => sum + (2 ** grade - 1) / Math.log2(place + 2), 0);

/** @param hits names in the order in which they were found */
export const qualityOf = ({ grades }: Judgement, hits: readonly string[]): Quality => {
  const seen = hits.slice(0, SEEN);
  if (grades.size === 0) {
    const one = seen.length === 0 ? 1 : 0;
    return { ndcg: one, recall: 1, precision: one };
  }
  const found = seen.map((name) => grades.get(name) ?? 0);
  const right = found.filter((grade) => grade > 0).length;
  return {
    ndcg: gainOf(found) / gainOf([...grades.values()].sort((a, b) => b - a)),
    recall: right / grades.size,
    precision: seen.length === 0 ? 0 : right / seen.length,
  };
};
