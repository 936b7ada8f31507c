import { expect, it } from 'vitest';
import { slotsOf } from '../../services/pipeline/relay/lanes.ts';
import { SLOTS } from '../../services/pipeline/relay/session.ts';

const all = Array.from({ length: SLOTS }, (_, slot) => slot);

it.each([[[0]], [[3]], [[0, 1]], [[1, 2, 7]], [[0, 1, 2, 3]], [all.slice(0, 16)]])(
  'deals every slot to exactly one of the seats %j, and as many to each as there can be',
  (taken) => {
    const dealt = taken.map((seat) => [...slotsOf(seat, taken)]);
    expect(dealt.flat().sort((a, b) => a - b)).toEqual(all);
    const sizes = dealt.map(({ length }) => length);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
  },
);
