/** The templates of the Helm chart: one file for each cdk8s chart, with what every environment could make of it. */
import { Chart, type App } from 'cdk8s';
import { createApp } from '../app.ts';
import { jobNameOf } from '../constructs/job-name.ts';
import { production } from '../environments/production.ts';
import type { Environment } from '../environments/schema.ts';
import { OPERATED, serverCasesOf } from './cases.ts';
import { guarded, isRecord, type Data, type Tree } from './compare.ts';
import { ALTERNATIVES, OPTIONS, withEverything } from './options.ts';
import { isNumberPlaceholder, LOOPS, referenceOf, withPlaceholders } from './placeholders.ts';
import { renderTree } from './render.ts';

/** Objects of one cdk8s chart, by kind and name. */
type Objects = ReadonlyMap<string, Data>;

export const GENERATED = 'Generated from infra/ by `npm run chart`; do not edit.';
const HEADER = `{{- /* ${GENERATED} */ -}}\n`;

/**
 * The base has everything, no alternative, and all servers with operators; each option off, each alternative on, and each
 * other case of a server is an environment.
 */
const BASE_ON = 'on';
const BASE_OFF = 'off';

/** @returns the text of each template by its file name */
export const chartTemplates = (): Map<string, string> => {
  const everything = withEverything(production);
  const servers = serverCasesOf(everything);
  const { environments, placeholders } = withPlaceholders([
    everything,
    ...ALTERNATIVES.map(({ on }) => on(everything)),
    ...servers.flatMap(({ cases }) => cases.map(({ environment }) => environment)),
  ]);
  const [environment, ...others] = environments;
  const next = (): Environment => {
    const other = others.shift();
    if (other === undefined) throw new Error('there are too few environments');
    return other;
  };
  if (environment === undefined) throw new Error('there is no base');
  const base = objectsOf(environment);
  const axes = [
    ...OPTIONS.map(({ condition, off }) => ({
      baseCase: BASE_ON,
      condition: (cases: readonly string[]) => (cases.includes(BASE_ON) ? condition : `not (${condition})`),
      others: [{ name: 'off', charts: objectsOf(off(environment)) }],
    })),
    ...ALTERNATIVES.map(({ condition }) => ({
      baseCase: BASE_OFF,
      condition: (cases: readonly string[]) => (cases.includes(BASE_OFF) ? `not (${condition})` : condition),
      others: [{ name: 'on', charts: objectsOf(next()) }],
    })),
    ...servers.map(({ cases, condition }) => ({
      baseCase: OPERATED,
      condition,
      others: cases.map(({ name }) => ({ name, charts: objectsOf(next()) })),
    })),
  ];
  const definitions: string[] = [];
  const render = (chart: string, id: string): string => {
    const { value: tree, when } = guarded(
      {
        inBase: base.get(chart)?.has(id) ?? false,
        data: base.get(chart)?.get(id),
        axes: axes.map((axis) => {
          const others = axis.others.map(({ name, charts }) => ({
            name,
            data: keepSetting(charts.get(chart)?.get(id), base.get(chart)?.get(id)),
          }));
          return { axis: { ...axis, others }, having: others.filter(({ data }) => data !== undefined) };
        }),
      },
      id,
    );
    const lines = id.startsWith('Job ') ? jobLines(id.slice('Job '.length), tree) : renderTree(tree, placeholders);
    const text = ['---', ...lines, ''].join('\n');
    const loop = LOOPS.find(({ variable }) => text.includes(variable));
    const looped =
      loop === undefined ? text : `{{- range ${loop.variable} := ${referenceOf(loop.path)} }}\n${text}{{- end }}\n`;
    const conditions = chart === 'namespace' ? ['$.Values.createNamespace'] : when;
    return conditions.reduceRight((inner, condition) => `{{- if ${condition} }}\n${inner}{{- end }}\n`, looped);
  };
  /** The specification is a template of its own, which the name has a hash of. */
  const jobLines = (name: string, tree: Tree): string[] => {
    const definition = `taskstream.${name}`;
    const { spec, rest } = apart(tree);
    definitions.push(`{{- define "${definition}" }}\n${renderTree(spec, placeholders).join('\n')}\n{{- end }}\n`);
    const hash = `{{ include "${definition}" $ | fromYaml | toJson | sha256sum | trunc 8 }}`;
    return [
      ...renderTree(rest, placeholders).map((line) =>
        line === `  name: ${name}` ? `  name: taskstream-${name}-${hash}` : line,
      ),
      'spec:',
      `  {{- include "${definition}" $ | nindent 2 }}`,
    ];
  };
  const all = [base, ...axes.flatMap(({ others }) => others.map(({ charts }) => charts))];
  const files = [...new Set(all.flatMap((charts) => [...charts.keys()]))].map((chart): [string, string] => {
    const ids = new Set(all.flatMap((charts) => [...(charts.get(chart)?.keys() ?? [])]));
    return [`${chart}.yaml`, `${HEADER}${[...ids].map((id) => render(chart, id)).join('')}`];
  });
  return new Map([['_jobs.tpl', `${HEADER}${definitions.join('')}`], ...files]);
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
