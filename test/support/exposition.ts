/** Prometheus' text format, as `/metrics` answers it. */

export type Labels = Readonly<Record<string, string>>;

/** The label sets of each sample's name; `_bucket`, `_sum` and `_count` are names of their own. */
export type Exposition = ReadonlyMap<string, readonly Labels[]>;

const SAMPLE = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? \S+$/;
const LABEL = /\b(\w+)="((?:[^"\\]|\\.)*)"/g;

export const parseExposition = (...texts: readonly string[]): Exposition => {
  const found = new Map<string, Labels[]>();
  for (const line of texts.flatMap((text) => text.split('\n'))) {
    if (line === '' || line.startsWith('#')) continue;
    const [, name, labels = ''] = SAMPLE.exec(line) ?? [];
    if (name === undefined) throw new Error(`not a sample: ${line}`);
    const pairs = [...labels.matchAll(LABEL)].map(([, label = '', value = '']): [string, string] => [label, value]);
    found.set(name, [...(found.get(name) ?? []), Object.fromEntries(pairs)]);
  }
  return found;
};
