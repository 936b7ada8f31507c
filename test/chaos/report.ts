/** The table at the end: one row for each fault, and one for all runs; as text and as Markdown. */
import Table from 'cli-table3';
import { AIMS } from './outages.ts';
import type { RunResult } from './run.ts';

const HEAD = [
  'fault',
  'runs',
  'with consumer',
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
    thousands(results.filter(({ settings }) => settings.GROUP_PROTOCOL === 'consumer').length),
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

const textOf = (head: readonly string[], rows: string[][]): string => {
  const table = new Table({ head: [...head], style: { head: [], border: [] } });
  table.push(...rows);
  return table.toString();
};

export const tableOf = (results: readonly RunResult[]): string => textOf(HEAD, rowsOf(results));

type FaultOutage = RunResult['outages'][number];

/** For people. */
export const describeOutage = (outage: FaultOutage): string =>
  `${outage.fault}: ${AIMS.map((aim) => `no ${aim} for ${seconds(outage[aim])}`).join(', ')}`;

const OUTAGE_HEAD = ['fault', 'times', ...AIMS.flatMap((aim) => [`without ${aim} p50`, 'max'])];

/** How long nothing went on because of a fault of a node. */
const outageRowsOf = (results: readonly RunResult[]): string[][] => {
  const all = results.flatMap(({ outages }) => outages);
  return [...new Set(all.map(({ fault }) => fault))].sort().map((name) => {
    const own = all.filter(({ fault }) => fault === name);
    const times = AIMS.flatMap((aim) => {
      const sorted = own.map((outage) => outage[aim]).sort((a, b) => a - b);
      return [seconds(sorted[Math.floor((sorted.length - 1) / 2)]), seconds(sorted.at(-1))];
    });
    return [name, thousands(own.length), ...times];
  });
};

export const outageTableOf = (results: readonly RunResult[]): string => textOf(OUTAGE_HEAD, outageRowsOf(results));

const markdown = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, ['---', ...head.slice(1).map(() => '--:')], ...rows].map((row) => `| ${row.join(' | ')} |\n`).join('');

export const markdownOf = (results: readonly RunResult[]): string => {
  const outages = outageRowsOf(results);
  return `${markdown(HEAD, rowsOf(results))}${outages.length === 0 ? '' : `\n${markdown(OUTAGE_HEAD, outages)}`}`;
};
