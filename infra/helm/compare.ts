/**
 * One tree out of several: a manifest as it is with the settings that are taken as a base, and what the other cases of each
 * setting take away, add or change.
 */

/** A manifest, or a part of one, as data. */
export type Data = unknown;

export type Tree =
  | { readonly kind: 'leaf'; readonly value: Data }
  | {
      readonly kind: 'map';
      readonly entries: readonly { readonly key: string; readonly value: Tree; readonly when: readonly string[] }[];
    }
  | { readonly kind: 'list'; readonly items: readonly { readonly value: Tree; readonly when: readonly string[] }[] }
  /** The first whose condition holds; the last has none. */
  | {
      readonly kind: 'choice';
      readonly choices: readonly { readonly when: string | undefined; readonly value: Tree }[];
    };

/** What a manifest is in each case of one setting, all others being as in the base. */
export interface Axis {
  readonly baseCase: string;
  readonly others: readonly { readonly name: string; readonly data: Data }[];
  /** A Go template's words for: it is one of `cases`, where it can only be one of `possible`. */
  readonly condition: (cases: readonly string[], possible: readonly string[]) => string;
}

const equal = (a: Data, b: Data): boolean => JSON.stringify(a) === JSON.stringify(b);
export const isRecord = (data: Data): data is Record<string, Data> =>
  typeof data === 'object' && data !== null && !Array.isArray(data);

/** @throws when cases differ in a way that the tree has no words for */
export const compare = (data: Data, axes: readonly Axis[]): Tree => {
  const changed = axes.filter((axis) => axis.others.some((other) => !equal(other.data, data)));
  const all = [data, ...changed.flatMap(({ others }) => others.map((other) => other.data))];
  if (all.every(isRecord)) return { kind: 'map', entries: mapEntries(data as Record<string, Data>, changed) };
  if (all.every((each) => Array.isArray(each) && each.length > 0)) {
    return { kind: 'list', items: listItems(data as Data[], changed) };
  }
  const [axis, ...more] = changed;
  if (axis === undefined) return { kind: 'leaf', value: data };
  if (more.length > 0) throw new Error(`${JSON.stringify(data)} depends on ${changed.length} options`);
  return choice(data, axis);
};

/** Equal values together, in the order of their cases. */
const choice = (data: Data, { baseCase, others, condition }: Axis): Tree => {
  const instances = [{ name: baseCase, data }, ...others];
  const possible = instances.map(({ name }) => name);
  const values = [...new Map(instances.map((each) => [JSON.stringify(each.data), each.data])).values()];
  return {
    kind: 'choice',
    choices: values.map((value, index) => ({
      when:
        index === values.length - 1
          ? undefined
          : condition(
              instances.filter((each) => equal(each.data, value)).map(({ name }) => name),
              possible,
            ),
      value: compare(value, []),
    })),
  };
};

/** A part that may be absent: what it is in the base, and in the cases of each axis that have it. */
interface Part {
  readonly inBase: boolean;
  readonly data: Data;
  readonly axes: readonly { readonly axis: Axis; readonly having: Axis['others'] }[];
}

/** The part's tree and when it is there. @throws when a part that the base lacks depends on more than one setting */
export const guarded = ({ inBase, data, axes }: Part, label: string): { value: Tree; when: string[] } => {
  const casesOf = ({ baseCase, others }: Axis) => [baseCase, ...others.map(({ name }) => name)];
  if (inBase) {
    return {
      when: axes
        .filter(({ axis, having }) => having.length < axis.others.length)
        .map(({ axis, having }) => axis.condition([axis.baseCase, ...having.map(({ name }) => name)], casesOf(axis))),
      value: compare(
        data,
        axes.map(({ axis, having }) => ({ ...axis, others: having })),
      ),
    };
  }
  const [only, ...more] = axes.filter(({ having }) => having.length > 0);
  const [first, ...rest] = only?.having ?? [];
  if (only === undefined || first === undefined || more.length > 0) {
    throw new Error(`${label} depends on ${more.length + 1} options`);
  }
  const { axis, having } = only;
  return {
    when: [
      axis.condition(
        having.map(({ name }) => name),
        casesOf(axis),
      ),
    ],
    value: compare(first.data, [{ ...axis, baseCase: first.name, others: rest }]),
  };
};

/** Keys of all lists, in an order in which each list has its own. */
const union = (lists: readonly (readonly string[])[]): string[] => {
  const before = new Map<string, Set<string>>();
  for (const list of lists) {
    for (const [index, key] of list.entries()) {
      const previous = list.slice(Math.max(index - 1, 0), index);
      before.set(key, new Set([...(before.get(key) ?? []), ...previous]));
    }
  }
  const found: string[] = [];
  while (before.size > 0) {
    const keys = [...before.keys()];
    const next = keys.find((key) => ![...(before.get(key) ?? [])].some((previous) => before.has(previous)));
    // Where lists contradict each other, as maps may, the order does not matter.
    const [key = ''] = next === undefined ? keys : [next];
    found.push(key);
    before.delete(key);
  }
  return found;
};

const partsOf = (base: Readonly<Record<string, Data>>, axes: readonly Axis[], wanted: readonly string[]) =>
  wanted.map((key) => ({
    key,
    ...guarded(
      {
        inBase: key in base,
        data: base[key],
        axes: axes.map((axis) => ({
          axis,
          having: axis.others.flatMap(({ name, data }) =>
            isRecord(data) && key in data ? [{ name, data: data[key] }] : [],
          ),
        })),
      },
      key,
    ),
  }));

const mapEntries = (data: Record<string, Data>, axes: readonly Axis[]) =>
  partsOf(
    data,
    axes,
    union(
      [data, ...axes.flatMap(({ others }) => others.map((other) => other.data))].map((each) =>
        Object.keys(each as object),
      ),
    ),
  );

/**
 * Items by what tells them apart: a name of theirs, or their place in lists as long as the base, where a list of another
 * length has those of the base that it equals, or else all that they are. Two that stand in one place and have nothing in
 * common are two items.
 */
const listItems = (data: readonly Data[], axes: readonly Axis[]) => {
  const lists = [data, ...axes.flatMap(({ others }) => others.map((other) => other.data as Data[]))];
  const identities = identitiesOf(lists);
  const keyed = (list: readonly Data[]) =>
    Object.fromEntries(identities(list).map((identity, index): [string, Data] => [identity, list[index]]));
  const keyedAxes = axes.map((axis) => ({
    ...axis,
    others: axis.others.map(({ name, data: list }) => ({ name, data: keyed(list as Data[]) })),
  }));
  const keys = union(lists.map(identities));
  return partsOf(keyed(data), keyedAxes, keys).map(({ value, when }) => ({ value, when }));
};

const NAMES = ['parameter', 'name', 'key'] as const;

/** @param lists the first is the base */
const identitiesOf = (lists: readonly (readonly Data[])[]): ((list: readonly Data[]) => string[]) => {
  const name = NAMES.find((each) =>
    lists.every(
      (list) =>
        list.every((item) => isRecord(item) && typeof item[each] === 'string') &&
        new Set(list.map((item) => (item as Record<string, Data>)[each])).size === list.length,
    ),
  );
  if (name !== undefined) return (list) => list.map((item) => `=${String((item as Record<string, Data>)[name])}`);
  const [base = []] = lists;
  const alike = lists.filter((list) => list.length === base.length);
  const byPlace = (item: Data, index: number): string =>
    `#${index} ${isRecord(item) && areApart(alike.map((list) => list[index])) ? Object.keys(item).join() : ''}`;
  return (list) =>
    list.map((item, index) => {
      if (list.length === base.length) return byPlace(item, index);
      const place = base.findIndex((other) => equal(other, item));
      return place === -1 ? JSON.stringify(item) : byPlace(item, place);
    });
};

const areApart = (items: readonly Data[]): boolean => {
  const keys = items.map((item) => (isRecord(item) ? Object.keys(item) : []));
  return keys.every((each) => each.length > 0) && !keys[0]?.some((key) => keys.every((each) => each.includes(key)));
};
