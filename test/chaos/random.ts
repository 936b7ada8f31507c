/** Chance that can be repeated: everything that is chosen is chosen by a seed. */
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

export interface Random {
  /** A whole number, both ends included. */
  int(min: number, max: number): number;
  pick<T>(items: readonly T[]): T;
  /** True in `percent` of the cases. */
  chance(percent: number): boolean;
  /** Chance of its own for a part, which what others choose does not move. */
  fork(part: number): Random;
}

export const randomOf = (seed: number): Random => {
  const generator = xoroshiro128plus(seed);
  const int = (min: number, max: number): number => uniformInt(generator, min, max);
  return {
    int,
    pick: <T>(items: readonly T[]): T => {
      const item = items[int(0, items.length - 1)];
      if (item === undefined) throw new Error('nothing to pick from');
      return item;
    },
    chance: (percent) => int(1, 100) <= percent,
    fork: (part) => randomOf(Math.imul(seed ^ (part + 1), 0x9e37_79b1) >>> 0),
  };
};
