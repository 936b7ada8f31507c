/** The templates of the Helm chart: one file for each cdk8s chart, with what every environment could make of it. */
import { Chart, type App } from 'cdk8s';
import { createApp } from '../app.ts';
import { jobName, migrateNameParts, secretsArgs } from '../charts/setup.ts';
import { ElasticsearchCluster } from '../constructs/elasticsearch.ts';
import { lab } from '../environments/lab.ts';
import { production } from '../environments/production.ts';
import type { Environment } from '../environments/schema.ts';
import { compare, isRecord, type Data } from './compare.ts';
import { OPTIONS, withEverything } from './options.ts';
import { isNumberPlaceholder, LOOPS, referenceOf, withPlaceholders } from './placeholders.ts';
import { renderTree, type Replacements } from './render.ts';

type Kind = Environment['servers']['kind'];

/** Objects of one cdk8s chart, by kind and name. */
type Objects = ReadonlyMap<string, Data>;

/** @returns the text of each template by its file name */
export const chartTemplates = (): Map<string, string> => {
  const operators = templatesOf(withEverything(production), 'operators');
  const external = templatesOf({ ...withEverything(production), servers: lab.servers }, 'external');
  const files = new Map<string, string>();
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

const templatesOf = (everything: Environment, kind: Kind): Map<string, Map<string, string>> => {
  const { environment, placeholders } = withPlaceholders(everything);
  const replacements: Replacements = { placeholders, computed: computedNames(environment, kind) };
  const base = objectsOf(environment);
  const variants = OPTIONS[kind].map(({ condition, off }) => ({ condition, charts: objectsOf(off(environment)) }));
  const render = (chart: string, id: string, data: Data): string => {
    const absent = variants.filter(({ charts }) => charts.get(chart)?.get(id) === undefined);
    const present = variants.flatMap(({ condition, charts }) => {
      const other = charts.get(chart)?.get(id);
      return other === undefined ? [] : [{ condition, data: keepSetting(other, data) }];
    });
    const text = ['---', ...renderTree(compare(data, present), replacements), ''].join('\n');
    const loop = LOOPS.find(({ variable }) => text.includes(variable));
    const looped =
      loop === undefined ? text : `{{- range ${loop.variable} := ${referenceOf(loop.path)} }}\n${text}{{- end }}\n`;
    const condition = chart === 'namespace' ? ['$.Values.createNamespace'] : absent.map((option) => option.condition);
    return condition.reduceRight((inner, when) => `{{- if ${when} }}\n${inner}{{- end }}\n`, looped);
  };
  return new Map(
    [...base].map(([chart, objects]) => [
      chart,
      new Map([...objects].map(([id, data]) => [id, render(chart, id, data)])),
    ]),
  );
};

/** Names of jobs are made of a hash of settings, and so made again by the template. */
const computedNames = ({ images, index }: Environment, kind: Kind): ReadonlyMap<string, string> => {
  const name = (component: string, parts: string) =>
    `printf "taskstream-${component}-%s" (printf ${parts} | sha256sum | trunc 8)`;
  const names = new Map([
    [
      jobName('migrate', migrateNameParts({ images, index })),
      name('migrate', '"%s %d %d" $.Values.images.api (int64 $.Values.index.shards) (int64 $.Values.index.replicas)'),
    ],
  ]);
  if (kind === 'operators') {
    const args = secretsArgs(ElasticsearchCluster.passwords);
    names.set(jobName('secrets', [images.api, ...args]), name('secrets', `"%s ${args.join(' ')}" $.Values.images.api`));
  }
  return names;
};

const objectsOf = (environment: Environment): Map<string, Objects> => {
  const app: App = createApp(environment, 'unused');
  return new Map(
    app.charts.map((chart) => [
      chart.node.id,
      new Map(
        (Chart.of(chart).toJson() as Named[]).map((object) => [`${object.kind} ${object.metadata.name}`, object]),
      ),
    ]),
  );
};
interface Named {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

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
