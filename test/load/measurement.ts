/** What a bench says: figures, each beside the ceiling that was measured in the same run. */
import type { CpuByProcess } from './cpu.ts';

export interface Measurement {
  readonly what: string;
  readonly value: number;
  /** The least and the most, where the value is in the middle of several. */
  readonly spread?: readonly [least: number, most: number];
  readonly unit: '/s' | 'ms' | 'MB' | '%' | 'x' | 'µs' | 'B' | 'events';
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  /** What each of the operations that `value` counts took of the processors. */
  readonly cpu?: CpuByProcess;
  /** The same work without what is measured, in the same unit. */
  readonly ceiling?: { readonly what: string; readonly value: number };
  readonly goal?: { readonly text: string; readonly isMet: boolean };
}

/** A line of a plot. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Plot {
  /** Name of its file, without ending. */
  readonly name: string;
  readonly title: string;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly logX?: boolean;
  readonly series: readonly Series[];
}

export interface Report {
  add(measurement: Measurement): void;
  plot(plot: Plot): void;
  /** The value of an earlier measurement, if that bench ran. */
  valueOf(what: string): number | undefined;
  /** Says what is being done. */
  progress(text: string): void;
}

/** @param p between 0 and 1; the smallest value that is not below the part `p` of all ("nearest rank") */
export const percentile = (values: readonly number[], p: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] ?? Number.NaN;
};

/** The value in the middle, or between the two that are. */
export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const [below, above] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]];
  return ((below ?? Number.NaN) + (above ?? Number.NaN)) / 2;
};

/** A goal on the ratio of a value to its ceiling. */
export const ratioGoal = (
  value: number,
  ceiling: { readonly what: string; readonly value: number },
  least: number,
): Pick<Measurement, 'ceiling' | 'goal'> => ({
  ceiling,
  goal: { text: `≥ ${least} of the ceiling`, isMet: value / ceiling.value >= least },
});
