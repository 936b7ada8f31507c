/** The table at the end: one row for each fault, and one for all runs; as text and as Markdown. */
import Table from 'cli-table3';
import type { RunResult } from './run.ts';

const HEAD = [
  'fault',
  'runs',
  'faults injected',
  'writes acknowledged',
  'lost',
  'stale',
  're-delivered',
  'recovery p50',
  'recovery max',
  'broken',
];

const seconds = (ms: number | undefined): string => (ms === undefined ? '–' : `${(ms / 1_000).toFixed(1)} s`);
const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
const thousands = (count: number): string => count.toLocaleString('en-GB');

const rowOf = (name: string, results: readonly RunResult[], injected: number): string[] => {
  const recovery = results.map(({ recoveryMs }) => recoveryMs).sort((a, b) => a - b);
  return [
    name,
    thousands(results.length),
    thousands(injected),
    thousands(sum(results.map(({ acknowledged }) => acknowledged))),
    thousands(sum(results.map(({ lost }) => lost.length))),
    thousands(sum(results.map(({ stale }) => stale.length))),
    thousands(sum(results.map(({ redelivered }) => redelivered))),
    seconds(recovery[Math.floor((recovery.length - 1) / 2)]),
    seconds(recovery.at(-1)),
    thousands(results.filter(({ broken }) => broken.length > 0).length),
  ];
};

/** A run with several faults stands in the row of each. */
export const rowsOf = (results: readonly RunResult[]): string[][] => {
  const injected = results.flatMap(({ plan }) => plan.flat());
  const names = [...new Set(injected)].sort();
  return [
    ...names.map((name) =>
      rowOf(
        name,
        results.filter(({ plan }) => plan.flat().includes(name)),
        injected.filter((other) => other === name).length,
      ),
    ),
    rowOf('all runs', results, injected.length),
  ];
};

export const tableOf = (results: readonly RunResult[]): string => {
  const table = new Table({ head: HEAD, style: { head: [], border: [] } });
  table.push(...rowsOf(results));
  return table.toString();
};

export const markdownOf = (results: readonly RunResult[]): string =>
  [HEAD, ['---', ...HEAD.slice(1).map(() => '--:')], ...rowsOf(results)]
    .map((row) => `| ${row.join(' | ')} |\n`)
    .join('');
