import { expect, it } from 'vitest';
import { percentile, ratioGoal } from '../load/measurement.ts';
import { svgOf } from '../load/plots.ts';
import { rateOf } from '../load/rate.ts';
import { markdownOf } from '../load/report.ts';

it('takes the nearest rank as percentile', () => {
  const values = Array.from({ length: 200 }, (_, index) => 200 - index);
  expect([percentile(values, 0), percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1)]).toEqual([
    1, 100, 198, 200,
  ]);
  expect(percentile([], 0.5)).toBeNaN();
});

it('counts a rate from the first movement to the end, without idle time before and after', () => {
  const counts = [0, 0, 0, 50, 100, 100, 100];
  expect(rateOf(counts.map((count, second) => ({ atMs: second * 1_000, count })))).toBe(50);
  expect(rateOf([{ atMs: 0, count: 10 }])).toBeNaN();
});

it('says in a row what the ceiling was, the ratio, and whether a goal was met', () => {
  const goal = ratioGoal(700, { what: 'raw', value: 1_000 }, 0.8);
  expect(markdownOf([{ what: 'relay', value: 700, unit: '/s', ...goal }])).toContain(
    '| relay | 700/s |  |  | 1,000/s (raw) | 0.70 | ≥ 0.8 of the ceiling | no |',
  );
});

it('draws every series of a plot', () => {
  const points = [
    [1, 10],
    [32, 300],
  ] as const;
  const svg = svgOf({
    name: 'x',
    title: 'Requests',
    xTitle: 'connections',
    yTitle: '1/s',
    logX: true,
    series: [
      { name: 'create', points },
      { name: 'create, without HTTP', points },
    ],
  });
  expect(svg).toMatch(/^<svg/);
  for (const text of ['Requests', 'connections', 'create, without HTTP']) expect(svg).toContain(text);
  expect(svg.match(/stroke-dasharray/g)?.length).toBeGreaterThan(0);
});
