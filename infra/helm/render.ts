/** A tree as text of a Helm template. */
import { stringify } from 'yaml';
import type { Tree } from './compare.ts';
import { all, any } from './conditions.ts';
import { ITEM_LOOPS, referenceOf, type Placeholder, type Placeholders } from './placeholders.ts';

const PLACEHOLDER = /zq(\d{10})qz|7\d{9}/g;

/** @returns lines of block-style YAML, without indentation */
export const renderTree = (tree: Tree, placeholders: Placeholders): string[] => {
  const scalar = (value: unknown): string => scalarText(value, placeholders);
  const lines = (node: Tree): string[] => {
    switch (node.kind) {
      case 'leaf':
        return [scalar(node.value)];
      case 'map':
        if (node.entries.length === 0) return ['{}'];
        return node.entries.flatMap(({ key, value, when }) =>
          guarded(when, openEntries(key, placeholders) ?? entry(key, value)),
        );
      case 'list':
        return node.items.flatMap(({ value, when }) =>
          guarded(when, openItems(value, placeholders) ?? looped(item(value))),
        );
      case 'choice':
        return chosen(node.choices, lines);
    }
  };
  const entry = (key: string, value: Tree): string[] => {
    if (value.kind === 'choice') return chosen(value.choices, (inner) => entry(key, inner));
    const name = scalar(key);
    const list = listSetting(value, placeholders);
    if (list !== undefined) return [`${name}: {{ toJson ${list.reference} }}`];
    const block = blockText(value, placeholders);
    if (block !== undefined) return [`${name}: |-`, ...indented(block)];
    const condition = presenceOf(value, placeholders);
    if (condition !== undefined) return guarded([condition], [`${name}:`, ...indented(lines(value))]);
    if (isInline(value)) return [`${name}: ${lines(value)[0] ?? ''}`];
    return [`${name}:`, ...indented(lines(value))];
  };
  const item = (value: Tree): string[] => {
    const [first = '', ...rest] = lines(firmFirst(value));
    if (first.startsWith('{{- ')) throw new Error('the first entry of an item cannot be optional');
    return [`- ${first}`, ...indented(rest)];
  };
  return lines(tree);
};

/** When a list or map has something in it, all of which may be absent: an empty one is left out, and what has only it. */
const presenceOf = (tree: Tree, placeholders: Placeholders): string | undefined => {
  if (tree.kind !== 'list' && tree.kind !== 'map') return undefined;
  const conditions =
    tree.kind === 'list'
      ? tree.items.map(({ when, value }) => [...when, ...openReference(openItem(value), placeholders)])
      : tree.entries.map(({ when, key, value }) => {
          const inner = presenceOf(value, placeholders);
          return [...when, ...openReference(key, placeholders), ...(inner === undefined ? [] : [inner])];
        });
  return conditions.length > 0 && conditions.every((each) => each.length > 0) ? any(conditions.map(all)) : undefined;
};

/** The name of an item that has nothing else. */
const openItem = (tree: Tree): string => {
  const only = tree.kind === 'map' && tree.entries.length === 1 ? tree.entries[0] : undefined;
  return only?.key === 'name' && only.value.kind === 'leaf' ? String(only.value.value) : '';
};

/** The setting that a placeholder hands through whole. */
const openReference = (text: string, placeholders: Placeholders): string[] => {
  const placeholder = placeholders.get(text);
  return placeholder?.kind === 'open' ? [placeholder.reference] : [];
};

/** JSON is YAML, whatever an item or a value is. */
const openItems = (tree: Tree, placeholders: Placeholders): string[] | undefined => {
  const [reference] = openReference(openItem(tree), placeholders);
  return reference === undefined
    ? undefined
    : [`{{- range $item := ${reference} }}`, '- {{ toJson $item }}', '{{- end }}'];
};
const openEntries = (key: string, placeholders: Placeholders): string[] | undefined => {
  const [reference] = openReference(key, placeholders);
  return reference === undefined
    ? undefined
    : [`{{- range $key, $value := ${reference} }}`, '{{ toJson $key }}: {{ toJson $value }}', '{{- end }}'];
};

/** The lines of each choice under its condition. */
const chosen = (choices: Extract<Tree, { kind: 'choice' }>['choices'], linesOf: (tree: Tree) => string[]): string[] => [
  ...choices.flatMap(({ when, value }, index) => [
    when === undefined ? '{{- else }}' : `{{- ${index === 0 ? 'if' : 'else if'} ${when} }}`,
    ...linesOf(value),
  ]),
  '{{- end }}',
];

/** An item that stands for all items of a list. */
const looped = (lines: readonly string[]): string[] => {
  // The innermost item that has the variable.
  const loop = ITEM_LOOPS.find(
    ({ variable }) =>
      lines.some((line) => line.includes(`${variable} `)) &&
      !lines.some((line) => line.includes(`range ${variable} :=`)),
  );
  if (loop === undefined) return [...lines];
  return [`{{- range ${loop.variable} := ${referenceOf(loop.path)} }}`, ...lines, '{{- end }}'];
};

/** An entry that is always there first: the dash of a list's item needs one beside it. */
const firmFirst = (tree: Tree): Tree => {
  if (tree.kind !== 'map') return tree;
  const isFirm = ({ when, value }: (typeof tree.entries)[number]) => when.length === 0 && value.kind !== 'choice';
  return { kind: 'map', entries: [...tree.entries.filter(isFirm), ...tree.entries.filter((entry) => !isFirm(entry))] };
};

const isInline = (tree: Tree): boolean => tree.kind === 'leaf' || (tree.kind === 'map' && tree.entries.length === 0);

const indented = (lines: readonly string[]): string[] =>
  // Control lines may stand anywhere, and what is inside a block of text is indented already.
  lines.map((line) => (line.startsWith('{{- ') ? line : `  ${line}`));

const guarded = (conditions: readonly string[], lines: readonly string[]): string[] =>
  conditions.reduceRight<string[]>(
    (inner, condition) => [`{{- if ${condition} }}`, ...inner, '{{- end }}'],
    [...lines],
  );

/** The placeholder of a list that is a setting as a whole. */
const listSetting = (tree: Tree, placeholders: Placeholders): Placeholder | undefined => {
  const only = tree.kind === 'list' && tree.items.length === 1 ? tree.items[0]?.value : undefined;
  const placeholder = only?.kind === 'leaf' ? placeholders.get(String(only.value)) : undefined;
  return placeholder?.kind === 'list' ? placeholder : undefined;
};

const scalarText = (value: unknown, placeholders: Placeholders): string => {
  if (typeof value === 'number') {
    const placeholder = placeholders.get(String(value));
    return placeholder === undefined ? String(value) : numberText(placeholder.reference);
  }
  if (typeof value !== 'string') return JSON.stringify(value);
  const whole = placeholders.get(value);
  if (whole !== undefined) {
    return whole.kind === 'number' ? `"${numberText(whole.reference)}"` : `{{ ${whole.reference} | quote }}`;
  }
  // Never folded: a line of its own would need indentation. JSON is YAML.
  const text = value.includes('\n') ? JSON.stringify(value) : stringify(value, { lineWidth: 0 }).trimEnd();
  return filled(text, placeholders);
};

/** Text in which placeholders become references; what is a template to somebody else, such as Prometheus, stays text. */
const filled = (text: string, placeholders: Placeholders): string =>
  text.replaceAll('{{', '{{ "{{" }}').replace(PLACEHOLDER, (found) => {
    const placeholder = placeholders.get(found);
    if (placeholder === undefined) throw new Error(`${found} stands for nothing`);
    return placeholder.kind === 'number' ? numberText(placeholder.reference) : `{{ ${placeholder.reference} }}`;
  });

/** The lines of a file, to stand as they are; nothing for text that a block of YAML would change, or that is no file. */
const blockText = (tree: Tree, placeholders: Placeholders): string[] | undefined => {
  if (tree.kind !== 'leaf' || typeof tree.value !== 'string' || !tree.value.includes('\n')) return undefined;
  const lines = tree.value.split('\n');
  const isPlain = lines.every((line, index) => (line === line.trimEnd() && line !== '') || index === 0);
  return isPlain && lines[0]?.startsWith('{') === true ? lines.map((line) => filled(line, placeholders)) : undefined;
};

/** Helm reads numbers as floating point, and would print a million as 1e+06. */
const numberText = (reference: string): string => `{{ int64 ${reference} }}`;
