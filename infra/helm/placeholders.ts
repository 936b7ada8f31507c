/**
 * An environment in which every setting is a placeholder that can be found again in the manifests: how the Helm chart
 * learns where each value goes, from the same code that makes the manifests.
 */
import { NO_ADDITIONS, POD_OWNERS } from '../environments/pods.ts';
import type { Environment } from '../environments/schema.ts';

export interface Placeholder {
  /**
   * `list` stands for a whole list of words, as its only item. `open` stands for all items of a list, as the name of one, or
   * for all entries of a map, as key and value of one: whatever they are, beside what else is in the list or map.
   */
  readonly kind: 'string' | 'number' | 'list' | 'open';
  /** Where the value is, as a Go template says it: `$.Values.api.minReplicas`. */
  readonly reference: string;
}

export type Placeholders = ReadonlyMap<string, Placeholder>;

/** Lists of any length, from the outside in: the template loops over each with a variable. */
export const LOOPS = [
  { path: 'servers.kafka.nodePools', variable: '$pool' },
  { path: 'consumers', variable: '$consumer' },
] as const;
/** Lists within an object: each of their items becomes one of the manifest's list. */
export const ITEM_LOOPS = [
  { path: 'consumers.0.topics', variable: '$topic' },
  { path: 'auth.oidc.egress.cidrs', variable: '$issuerCidr' },
  { path: 'networkPolicy.dnsCidrs', variable: '$dnsCidr' },
  { path: 'otlp.egress.cidrs', variable: '$otlpCidr' },
  { path: 'servers.kafka.egress.cidrs', variable: '$kafkaCidr' },
  { path: 'servers.kafka.oauth.egress.cidrs', variable: '$tokenCidr' },
  { path: 'servers.elasticsearch.egress.cidrs', variable: '$elasticsearchCidr' },
  { path: 'servers.postgres.egress.cidrs', variable: '$postgresCidr' },
  { path: 'servers.postgres.backup.egress.cidrs', variable: '$backupCidr' },
] as const;

/** Kept as they are: words that decide which objects there are. */
const FIXED = new Set([
  'servers.kafka.kind',
  'servers.kafka.login',
  'servers.elasticsearch.kind',
  'servers.elasticsearch.login',
  'servers.postgres.kind',
  'console',
  'monitoring',
  'servers.elasticsearch.allowMmap',
]);

/** Labels of pods that network policies name. */
export const POLICY_PODS = [
  'ingressPods',
  'monitoringPods',
  'kedaPods',
  'kafkaOperatorPods',
  'elasticsearchOperatorPods',
  'postgresOperatorPods',
] as const;

/** Handed through as they are, whatever is in them; an empty one is as good as none. */
const OPEN = new Set([
  ...POD_OWNERS.flatMap((owner) => Object.keys(NO_ADDITIONS).map((setting) => `${owner}.${setting}`)),
  'service.annotations',
  'service.labels',
  'ingress.annotations',
  'httpRoute.parentRefs',
  'httpRoute.annotations',
  ...POLICY_PODS.map((setting) => `networkPolicy.${setting}`),
]);

const OAUTH = 'servers.kafka.oauth';

/** The first number; all have ten digits, and later ones are larger, so that a minimum stays below its maximum. */
const FIRST_NUMBER = 7_000_000_000;

/**
 * @param environments such that each optional setting is in one; a setting has one placeholder in all of them
 * @returns the same with placeholders, and what each stands for
 */
export const withPlaceholders = (
  environments: readonly Environment[],
): { readonly environments: readonly Environment[]; readonly placeholders: Placeholders } => {
  const placeholders = new Map<string, Placeholder>();
  const given = new Map<string, string>();
  const add = (path: string, kind: Placeholder['kind']): string => {
    const before = given.get(path);
    if (before !== undefined) return before;
    const number = FIRST_NUMBER + placeholders.size;
    // Letters and digits only: a name in which it stands remains one.
    const placeholder = kind === 'number' ? String(number) : `zq${number}qz`;
    placeholders.set(placeholder, { kind, reference: referenceOf(path) });
    given.set(path, placeholder);
    return placeholder;
  };
  const replace = (value: unknown, path: string): unknown => {
    if (OPEN.has(path)) {
      const all = add(path, 'open');
      return Array.isArray(value) ? [{ name: all }] : { [all]: all };
    }
    if (ITEM_LOOPS.some((loop) => loop.path === path)) return [add(`${path}.0`, 'string')];
    if (Array.isArray(value) && typeof value[0] === 'string') return [add(path, 'list')];
    if (Array.isArray(value)) return [replace(value[0], `${path}.0`)];
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(
        Object.entries(value).map(([key, inner]) => [key, replace(inner, path === '' ? key : `${path}.${key}`)]),
      );
    }
    if (FIXED.has(path) || typeof value === 'boolean') return value;
    return typeof value === 'number' ? Number(add(path, 'number')) : add(path, 'string');
  };
  return { environments: environments.map((each) => replace(each, '') as Environment), placeholders };
};

/** Whether it is a placeholder for a number. */
export const isNumberPlaceholder = (data: unknown): boolean => typeof data === 'number' && data >= FIRST_NUMBER;

/** A setting's path, as a Go template says it. */
export const referenceOf = (path: string): string => {
  if (path === 'namespace') return '$.Release.Namespace';
  // The innermost loop comes first.
  const loop = [...ITEM_LOOPS, ...LOOPS].find((each) => `${path}.`.startsWith(`${each.path}.0.`));
  if (loop !== undefined) return path.replace(`${loop.path}.0`, loop.variable);
  // Absent with most logins: in brackets it is nothing then, and the rules say that it is missing.
  if (path.startsWith(`${OAUTH}.`)) return `($.Values.${OAUTH})${path.slice(OAUTH.length)}`;
  return `$.Values.${path}`;
};
