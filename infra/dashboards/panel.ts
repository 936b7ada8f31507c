/** What a panel of the dashboard is made of; `grafana.ts` turns it into Grafana's JSON. */

/** Grafana's ids of units. */
export type Unit = 'short' | 'reqps' | 'ops' | 's' | 'percentunit' | 'bytes' | 'bool_on_off' | 'dateTimeFromNow';

export interface Query {
  readonly expr: string;
  /** Name of each series, with `{{label}}` in it. */
  readonly legend: string;
}

/** From which value on a figure is of which colour; below the first it is green. */
export interface Threshold {
  readonly value: number;
  readonly colour: 'yellow' | 'red' | 'green';
}

export interface Panel {
  readonly title: string;
  /** What it shows and what is right, for somebody who sees it for the first time. */
  readonly description: string;
  readonly kind: 'timeseries' | 'stat';
  readonly unit: Unit;
  readonly queries: readonly Query[];
  readonly thresholds?: readonly Threshold[];
  /** Colour below the first threshold; green unless given. */
  readonly base?: 'green' | 'red';
  /** Page in docs/runbooks, without its extension. */
  readonly runbook?: string;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** A selector of a metric's series in the namespace that the dashboard's variable names. */
export const series = (metric: string, ...matchers: readonly string[]): string =>
  `${metric}{${['namespace="$namespace"', ...matchers].join(',')}}`;

/** Per second, over a window that fits the picture's resolution. */
export const rate = (metric: string, ...matchers: readonly string[]): string =>
  `rate(${series(metric, ...matchers)}[$__rate_interval])`;

/** A quantile of a histogram, by the labels given. */
export const quantile = (q: number, histogram: string, ...labels: readonly string[]): string =>
  `histogram_quantile(${q}, sum by (${[...labels, 'le'].join(', ')}) (${rate(`${histogram}_bucket`)}))`;

export const warnAt = (warning: number, critical: number): readonly Threshold[] => [
  { value: warning, colour: 'yellow' },
  { value: critical, colour: 'red' },
];
