/** One tree out of several: a manifest with every option on, and what each option that is off takes away or changes. */

/** A manifest, or a part of one, as data. */
export type Data = unknown;

export type Tree =
  | { readonly kind: 'leaf'; readonly value: Data }
  | {
      readonly kind: 'map';
      readonly entries: readonly { readonly key: string; readonly value: Tree; readonly when: readonly string[] }[];
    }
  | { readonly kind: 'list'; readonly items: readonly { readonly value: Tree; readonly when: readonly string[] }[] }
  /** One or the other. */
  | { readonly kind: 'choice'; readonly when: string; readonly on: Tree; readonly off: Tree };

/** The manifest without one option. */
export interface Variant {
  readonly condition: string;
  readonly data: Data;
}

const equal = (a: Data, b: Data): boolean => JSON.stringify(a) === JSON.stringify(b);
export const isRecord = (data: Data): data is Record<string, Data> =>
  typeof data === 'object' && data !== null && !Array.isArray(data);

/** @throws when a variant differs in a way that the tree has no words for */
export const compare = (data: Data, variants: readonly Variant[]): Tree => {
  const changed = variants.filter((variant) => !equal(variant.data, data));
  const [first, ...others] = changed;
  if (isRecord(data) && changed.every((variant) => isRecord(variant.data))) {
    return { kind: 'map', entries: mapEntries(data, changed as MapVariant[]) };
  }
  if (
    Array.isArray(data) &&
    data.length > 0 &&
    changed.every(({ data: other }) => Array.isArray(other) && other.length > 0)
  ) {
    return { kind: 'list', items: listItems(data, changed as ListVariant[]) };
  }
  if (first === undefined) return { kind: 'leaf', value: data };
  if (others.length > 0) throw new Error(`${JSON.stringify(data)} depends on ${changed.length} options`);
  return { kind: 'choice', when: first.condition, on: compare(data, []), off: compare(first.data, []) };
};

interface MapVariant extends Variant {
  readonly data: Record<string, Data>;
}
interface ListVariant extends Variant {
  readonly data: Data[];
}

const mapEntries = (data: Record<string, Data>, variants: readonly MapVariant[]) => {
  for (const { condition, data: other } of variants) {
    const surplus = Object.keys(other).filter((key) => !(key in data));
    if (surplus.length > 0) throw new Error(`without ${condition} there is ${surplus.join(', ')} too`);
  }
  return Object.entries(data).map(([key, value]) => ({
    key,
    when: variants.filter((variant) => !(key in variant.data)).map(({ condition }) => condition),
    value: compare(
      value,
      variants.flatMap((variant) =>
        key in variant.data ? [{ condition: variant.condition, data: variant.data[key] }] : [],
      ),
    ),
  }));
};

const listItems = (data: readonly Data[], variants: readonly ListVariant[]) => {
  /** For each variant, what became of each item: its counterpart, or nothing. */
  const counterparts = variants.map((variant) => {
    if (variant.data.length === data.length) return variant.data.map((item) => [item]);
    const rest = [...variant.data];
    const found = data.map((item) => (equal(rest[0], item) ? [rest.shift()] : []));
    if (rest.length > 0) throw new Error(`without ${variant.condition} a list has other items`);
    return found;
  });
  return data.map((value, index) => ({
    when: variants.filter((_, v) => counterparts[v]?.[index]?.length === 0).map(({ condition }) => condition),
    value: compare(
      value,
      variants.flatMap(({ condition }, v) =>
        (counterparts[v]?.[index] ?? []).map((item) => ({ condition, data: item })),
      ),
    ),
  }));
};
