/** Values as Flux' source controller puts them into the chart that it packages. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { isRecord } from '../../infra/helm/compare.ts';

const chart = join(import.meta.dirname, '../../charts/taskstream');

/** @returns `values.yaml` with the file of an environment over it: maps are merged, anything else is replaced, null too */
export const fluxValuesOf = (environment: string): Record<string, unknown> =>
  merged(valuesIn('values.yaml'), valuesIn(`values-${environment}.yaml`));

const valuesIn = (file: string): Record<string, unknown> => {
  const values: unknown = parse(readFileSync(join(chart, file), 'utf8'));
  if (!isRecord(values)) throw new Error(`${file} has no values`);
  return values;
};

const merged = (under: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> => ({
  ...under,
  ...Object.fromEntries(
    Object.entries(over).map(([key, value]) => {
      const before = under[key];
      return [key, isRecord(before) && isRecord(value) ? merged(before, value) : value];
    }),
  ),
});
