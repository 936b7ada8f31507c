/** What an alert is made of. Each file beside this one has the rules for one concern; `index.ts` puts them together. */
import { PART_OF } from '../constructs/labels.ts';

/** `critical` wakes somebody up: users are hurt, or will be soon. `warning` waits for the morning. */
export type Severity = 'critical' | 'warning';

/** What the manifests may run or leave to somebody else: an alert about it is there only where they do. */
export const PARTS = ['kafka', 'elasticsearch', 'exporter', 'postgres', 'backup'] as const;
export type Part = (typeof PARTS)[number];

export interface Alert {
  /** Begins with `Taskstream`: alert names are global. */
  readonly alert: string;
  readonly expr: string;
  /** How long the expression must hold, such as `5m`. */
  readonly for: string;
  readonly severity: Severity;
  /** One sentence, without values: what is wrong, in words that a user of the product would understand. */
  readonly summary: string;
  /** With the value and the labels of the series. */
  readonly description: string;
  /** Page in docs/runbooks, without its extension. */
  readonly runbook: string;
  /** What it is about, where it says something false or nothing of one that somebody else runs. */
  readonly part?: Part;
}

/** A query that several alerts and panels need. */
export interface RecordingRule {
  /** `product:metric:operation`, as Prometheus' documentation asks. */
  readonly record: string;
  readonly expr: string;
}

export type Rule = Alert | RecordingRule;

export interface RuleGroup {
  readonly name: string;
  readonly rules: readonly Rule[];
}

/** A selector of a metric's series in the namespace of the product: `series('up', 'job="x"')`. */
export type Series = (metric: string, ...matchers: readonly string[]) => string;

/** @returns selectors for one namespace; another installation in the same Prometheus must not be counted in */
export const seriesIn =
  (namespace: string): Series =>
  (metric, ...matchers) =>
    `${metric}{${[`namespace="${namespace}"`, ...matchers].join(',')}}`;

/** A matcher of the job label of our services, as the PodMonitors set it. */
export const jobOf = (...components: readonly string[]): string =>
  components.length === 1 ? `job="${PART_OF}-${components.join('')}"` : `job=~"${PART_OF}-(${components.join('|')})"`;

export const isAlert = (rule: Rule): rule is Alert => 'alert' in rule;
