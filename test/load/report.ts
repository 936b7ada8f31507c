/** The table of a run, as text and as Markdown. */
import Table from 'cli-table3';
import { sumOfCpu, type CpuByProcess } from './cpu.ts';
import type { Measurement } from './measurement.ts';

const HEAD = ['what', 'result', 'p50', 'p99', 'CPU µs each', 'ceiling', 'ratio', 'goal', 'met'];

const amount = (value: number, unit: Measurement['unit']): string => {
  if (unit === 'x') return value.toFixed(2);
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toLocaleString('en-GB', { maximumFractionDigits: digits })}${unit === '/s' ? '/s' : ` ${unit}`}`;
};
const milliseconds = (value: number | undefined): string => (value === undefined ? '' : amount(value, 'ms'));

/** The sum, and the processes that took a microsecond or more, the dearest first. */
const cpuText = (cpu: CpuByProcess): string => {
  const parts = Object.entries(cpu)
    .filter(([, micros]) => micros >= 1)
    .sort(([, one], [, other]) => other - one)
    .map(([name, micros]) => `${name} ${micros.toFixed(0)}`);
  return `${sumOfCpu(cpu).toFixed(0)}: ${parts.join(', ')}`;
};

export const rowOf = ({ what, value, spread, unit, p50Ms, p99Ms, cpu, ceiling, goal }: Measurement): string[] => [
  what,
  [
    amount(value, unit),
    ...(spread === undefined ? [] : [`(${spread.map((end) => amount(end, unit)).join(' to ')})`]),
  ].join(' '),
  milliseconds(p50Ms),
  milliseconds(p99Ms),
  cpu === undefined ? '' : cpuText(cpu),
  ceiling === undefined ? '' : `${amount(ceiling.value, unit)} (${ceiling.what})`,
  ceiling === undefined ? '' : (value / ceiling.value).toFixed(2),
  goal?.text ?? '',
  goal === undefined ? '' : goal.isMet ? 'yes' : 'no',
];

export const tableOf = (measurements: readonly Measurement[]): string => {
  const table = new Table({ head: HEAD, style: { head: [], border: [] } });
  table.push(...measurements.map(rowOf));
  return table.toString();
};

export const markdownOf = (measurements: readonly Measurement[]): string =>
  [HEAD, ['---', ...HEAD.slice(1).map(() => '--:')], ...measurements.map(rowOf)]
    .map((row) => `| ${row.join(' | ')} |\n`)
    .join('');
