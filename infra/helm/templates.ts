/** The templates of the Helm chart: one file for each cdk8s chart, with what every environment could make of it. */
import { Chart, type App } from 'cdk8s';
import { createApp } from '../app.ts';
import { jobNameOf } from '../constructs/job-name.ts';
import { lab } from '../environments/lab.ts';
import { production } from '../environments/production.ts';
import type { Environment } from '../environments/schema.ts';
import { compare, isRecord, type Data, type Tree } from './compare.ts';
import { OPTIONS, withEverything } from './options.ts';
import { isNumberPlaceholder, POOL_VARIABLE, withPlaceholders } from './placeholders.ts';
import { renderTree } from './render.ts';

type Kind = Environment['servers']['kind'];

/** Objects of one cdk8s chart, by kind and name. */
type Objects = ReadonlyMap<string, Data>;

/** @returns the text of each template by its file name */
export const chartTemplates = (): Map<string, string> => {
  const definitions: string[] = [];
  const operators = templatesOf(withEverything(production), 'operators', definitions);
  const external = templatesOf({ ...withEverything(production), servers: lab.servers }, 'external', definitions);
  const files = new Map([[`_jobs.tpl`, `${HEADER}${definitions.join('')}`]]);
  for (const name of new Set([...operators.keys(), ...external.keys()])) {
    const both = merge(operators.get(name) ?? new Map(), external.get(name) ?? new Map());
    files.set(`${name}.yaml`, `${HEADER}${both.join('')}`);
  }
  return files;
};

export const GENERATED = 'Generated from infra/ by `npm run chart`; do not edit.';
const HEADER = `{{- /* ${GENERATED} */ -}}\n`;

/** What is the same for both kinds of servers once; the rest each under its condition. */
const merge = (operators: ReadonlyMap<string, string>, external: ReadonlyMap<string, string>): string[] =>
  [...new Set([...operators.keys(), ...external.keys()])].map((id) => {
    const [own, foreign] = [operators.get(id), external.get(id)];
    if (own === foreign) return own ?? '';
    const is = (kind: Kind, text: string | undefined) =>
      text === undefined ? '' : `{{- if eq $.Values.servers.kind "${kind}" }}\n${text}{{- end }}\n`;
    return `${is('operators', own)}${is('external', foreign)}`;
  });

/** @param definitions gets what templates include */
const templatesOf = (everything: Environment, kind: Kind, definitions: string[]): Map<string, Map<string, string>> => {
  const { environment, placeholders } = withPlaceholders(everything);
  const base = objectsOf(environment);
  const variants = OPTIONS[kind].map(({ condition, off }) => ({ condition, charts: objectsOf(off(environment)) }));
  const render = (chart: string, id: string, data: Data): string => {
    const absent = variants.filter(({ charts }) => charts.get(chart)?.get(id) === undefined);
    const present = variants.flatMap(({ condition, charts }) => {
      const other = charts.get(chart)?.get(id);
      return other === undefined ? [] : [{ condition, data: keepSetting(other, data) }];
    });
    const tree = compare(data, present);
    const lines = isJob(data) ? jobLines(data, tree) : renderTree(tree, placeholders);
    const text = ['---', ...lines, ''].join('\n');
    const looped = text.includes(POOL_VARIABLE)
      ? `{{- range ${POOL_VARIABLE} := $.Values.servers.kafka.nodePools }}\n${text}{{- end }}\n`
      : text;
    const condition = chart === 'namespace' ? ['$.Values.createNamespace'] : absent.map((option) => option.condition);
    return condition.reduceRight((inner, when) => `{{- if ${when} }}\n${inner}{{- end }}\n`, looped);
  };
  /** The specification is a template of its own, which the name has a hash of. */
  const jobLines = ({ metadata }: Named, tree: Tree): string[] => {
    const definition = `taskstream.${metadata.name}.${kind}`;
    const { spec, rest } = apart(tree);
    definitions.push(`{{- define "${definition}" }}\n${renderTree(spec, placeholders).join('\n')}\n{{- end }}\n`);
    const hash = `{{ include "${definition}" $ | fromYaml | toJson | sha256sum | trunc 8 }}`;
    return [
      ...renderTree(rest, placeholders).map((line) =>
        line === `  name: ${metadata.name}` ? `  name: taskstream-${metadata.name}-${hash}` : line,
      ),
      'spec:',
      `  {{- include "${definition}" $ | nindent 2 }}`,
    ];
  };
  return new Map(
    [...base].map(([chart, objects]) => [
      chart,
      new Map([...objects].map(([id, data]) => [id, render(chart, id, data)])),
    ]),
  );
};

const objectsOf = (environment: Environment): Map<string, Objects> => {
  const app: App = createApp(environment, 'unused');
  return new Map(
    app.charts.map((chart) => [
      chart.node.id,
      new Map(
        (Chart.of(chart).toJson() as Named[])
          .map(unhashed)
          .map((object) => [`${object.kind} ${object.metadata.name}`, object]),
      ),
    ]),
  );
};
interface Named {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: unknown;
}

const isJob = (data: Data): data is Named => isRecord(data) && data['kind'] === 'Job';

/** A Job under the name of its component: the hash in its name is the template's affair. */
const unhashed = (object: Named): Named => {
  if (!isJob(object)) return object;
  const { metadata, spec } = object;
  const component = metadata.labels?.['app.kubernetes.io/component'] ?? '';
  if (metadata.name !== jobNameOf(component, spec))
    throw new Error(`the name of Job ${metadata.name} has another hash`);
  return { ...object, metadata: { ...metadata, name: component } };
};

/** What a tree has under `spec`, and the tree without it. */
const apart = (tree: Tree): { readonly spec: Tree; readonly rest: Tree } => {
  const spec = tree.kind === 'map' ? tree.entries.find(({ key }) => key === 'spec') : undefined;
  if (tree.kind !== 'map' || spec === undefined) throw new Error('a Job without a specification');
  return { spec: spec.value, rest: { kind: 'map', entries: tree.entries.filter((entry) => entry !== spec) } };
};

/** A number that an option sets is the setting itself, whatever its value: the placeholder stays. */
const keepSetting = (other: Data, data: Data): Data => {
  if (isNumberPlaceholder(data)) return data;
  if (Array.isArray(data) && Array.isArray(other) && data.length === other.length) {
    return other.map((item, index) => keepSetting(item, data[index]));
  }
  if (isRecord(data) && isRecord(other)) {
    return Object.fromEntries(
      Object.entries(other).map(([key, value]) => [key, key in data ? keepSetting(value, data[key]) : value]),
    );
  }
  return other;
};
