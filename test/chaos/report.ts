/** The table at the end: one row for each fault, and one for all runs. */
import Table from 'cli-table3';
import type { RunResult } from './run.ts';

const seconds = (ms: number | undefined): string => (ms === undefined ? '–' : `${(ms / 1_000).toFixed(1)} s`);
const sorted = (results: readonly RunResult[]): number[] =>
  results.map(({ recoveryMs }) => recoveryMs).sort((a, b) => a - b);
const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

export const tableOf = (results: readonly RunResult[]): string => {
  const table = new Table({
    head: ['fault', 'runs', 'writes acknowledged', 'lost', 'stale', 're-delivered', 'recovery p50', 'max', 'broken'],
    style: { head: [], border: [] },
  });
  const row = (name: string, chosen: readonly RunResult[]) => {
    const recovery = sorted(chosen);
    table.push([
      name,
      chosen.length,
      sum(chosen.map(({ acknowledged }) => acknowledged)),
      sum(chosen.map(({ lost }) => lost.length)),
      sum(chosen.map(({ stale }) => stale.length)),
      sum(chosen.map(({ redelivered }) => redelivered)),
      seconds(recovery[Math.floor((recovery.length - 1) / 2)]),
      seconds(recovery.at(-1)),
      chosen.filter(({ broken }) => broken.length > 0).length,
    ]);
  };
  const names = [...new Set(results.flatMap(({ faults }) => faults.map(({ name }) => name)))].sort();
  for (const name of names) {
    row(
      name,
      results.filter(({ faults }) => faults.some((fault) => fault.name === name)),
    );
  }
  row('all runs', results);
  return table.toString();
};
