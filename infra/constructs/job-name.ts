/**
 * Names of Jobs. A Job's template cannot be changed, so another specification is another Job: the name ends with a hash of
 * it. The Helm chart computes the same from what it renders (`infra/helm/templates.ts`).
 */
import { createHash } from 'node:crypto';

/** @param spec the `spec` of the Job, as it is applied */
export const jobNameOf = (component: string, spec: unknown): string =>
  `taskstream-${component}-${createHash('sha256').update(goJson(spec)).digest('hex').slice(0, 8)}`;

/** What `toJson` of a Helm template writes: keys in order, and characters escaped that have a meaning in HTML. */
const goJson = (data: unknown): string =>
  JSON.stringify(sorted(data)).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

const sorted = (data: unknown): unknown => {
  if (Array.isArray(data)) return data.map(sorted);
  if (typeof data !== 'object' || data === null) return data;
  const entries = Object.entries(data).map(([key, value]): [string, unknown] => [key, sorted(value)]);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
};
