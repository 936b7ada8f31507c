/** A rule's unit test: series that make it fire, and series, as near to them as may be, that do not. */

/** Series by selector, in promtool's notation: `0+10x30` is 0, 10, … 300; a value each minute unless said otherwise. */
export type SeriesValues = Readonly<Record<string, string>>;

export interface AlertCase {
  readonly alert: string;
  /** Time between two values, `1m` unless given. */
  readonly interval?: string;
  readonly firing: {
    readonly series: SeriesValues;
    /** When it must fire, such as `20m`. */
    readonly at: string;
    /** Labels beside the severity and the namespace. */
    readonly labels?: Readonly<Record<string, string>>;
    readonly description: string;
  };
  /** Situations in which it must be silent, by what they are. */
  readonly quiet: Readonly<Record<string, { readonly series: SeriesValues; readonly at: string }>>;
}

export interface RecordCase {
  readonly record: string;
  readonly series: SeriesValues;
  readonly at: string;
  /** Value of each series of the result. */
  readonly values: Readonly<Record<string, number>>;
}

/** The namespace that the rules are made for; `OTHER` belongs to somebody else. */
export const NS = 'namespace="taskstream"';
export const OTHER = 'namespace="other"';
