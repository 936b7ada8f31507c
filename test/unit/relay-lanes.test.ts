import { expect, it } from 'vitest';
import { slotsOf } from '../../services/pipeline/relay/lanes.ts';
import { SLOTS } from '../../services/pipeline/relay/session.ts';

const all = Array.from({ length: SLOTS }, (_, slot) => slot);

it.each([[[0]], [[3]], [[0, 1]], [[1, 2, 7]], [[0, 1, 2, 3]], [all.slice(0, 16)]])(
  'deals every slot to exactly one of the seats %j, and as many to each as there can be',
  (taken) => {
    const seats = taken.map((seat) => ({ seat, isAble: true }));
    const dealt = taken.map((seat) => [...slotsOf(seat, seats)]);
    expect(dealt.flat().sort((a, b) => a - b)).toEqual(all);
    const sizes = dealt.map(({ length }) => length);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
  },
);

it('deals the slots to those who can publish, and to all where nobody can', () => {
  const seats = (...able: readonly boolean[]) => able.map((isAble, seat) => ({ seat, isAble }));
  const sizes = (of: ReturnType<typeof seats>) => of.map(({ seat }) => slotsOf(seat, of).size);
  expect(
    [
      [false, true, true],
      [false, true, false],
      [false, false],
    ].map((able) => sizes(seats(...able))),
  ).toEqual([
    [0, SLOTS / 2, SLOTS / 2],
    [0, SLOTS, 0],
    [SLOTS / 2, SLOTS / 2],
  ]);
});
