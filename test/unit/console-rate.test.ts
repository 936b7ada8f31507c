import { describe, expect, it } from 'vitest';
import { createRate } from '../../services/api/console/rate.ts';

describe('a rate', () => {
  it('cannot be told from one total', () => {
    expect(createRate(5_000).next(100, 0)).toBeNull();
  });

  it('is the growth a second over the window, however uneven the steps', () => {
    const rate = createRate(5_000);
    const totals = [0, 100, 100, 100, 400, 500, 600, 700];
    expect(totals.map((total, second) => rate.next(total, second * 1_000)).at(-1)).toBe((700 - 100) / 5);
  });

  it('begins anew when the total does, and after a reset', () => {
    const rate = createRate(5_000);
    rate.next(1_000, 0);
    rate.next(2_000, 1_000);
    expect(rate.next(5, 2_000)).toBeNull();
    expect(rate.next(15, 3_000)).toBe(10);
    rate.reset();
    expect(rate.next(20, 4_000)).toBeNull();
  });
});
