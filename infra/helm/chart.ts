/** The Helm chart `charts/taskstream`, made from the same code as the manifests. */
import { createHash } from 'node:crypto';
import { parse, stringify } from 'yaml';
import { environments } from '../environments/index.ts';
import { production } from '../environments/production.ts';
import { DESCRIPTION, VERSION } from '../version.ts';
import { rulesTemplate } from './rules.ts';
import { chartTemplates, GENERATED } from './templates.ts';
import { valuesJsonSchema, valuesOf, valuesOver, valuesYaml } from './values.ts';

const DEFAULTS_HEADER = ` ${GENERATED}
 The defaults are the environment "production" of infra/environments. Others: -f values-local.yaml, -f values-lab.yaml.`;

const NOTES = `taskstream is being set up in namespace {{ .Release.Namespace }}.

Follow it:  npm run ops -- wait all -n {{ .Release.Namespace }} --timeout 1200
Then:       curl http{{ if or .Values.ingress.tlsSecret .Values.httpRoute }}s{{ end }}://{{ .Values.ingress.host }}/tasks
`;

/** @returns every file of the chart by its path in it */
export const chartFiles = (): ReadonlyMap<string, string> => {
  const defaults = valuesOf(production);
  const content = new Map([
    ['values.yaml', valuesYaml(defaults, DEFAULTS_HEADER)],
    ...Object.entries(environments)
      .filter(([name]) => name !== production.name)
      .map(([name, environment]): [string, string] => [
        `values-${name}.yaml`,
        `# ${GENERATED}\n# What the environment "${name}" has other than values.yaml.\n${stringify(valuesOver(defaults, valuesOf(environment)))}`,
      ]),
    ['values.schema.json', `${JSON.stringify(valuesJsonSchema(), null, 2)}\n`],
    ['templates/NOTES.txt', NOTES],
    ['templates/rules.yaml', `{{- /* ${GENERATED} */ -}}\n${rulesTemplate()}`],
    ...[...chartTemplates()].map(([file, text]): [string, string] => [`templates/${file}`, text]),
  ]);
  return new Map([['Chart.yaml', `# ${GENERATED}\n${stringify(metadata(content))}`], ...content]);
};

const metadata = (content: ReadonlyMap<string, string>) => ({
  apiVersion: 'v2',
  name: 'taskstream',
  description: DESCRIPTION,
  type: 'application',
  version: `${VERSION}-${contentHash(JSON.stringify([...content]))}`,
  appVersion: VERSION,
  // What the oldest API in it needs: policy/v1, autoscaling/v2.
  kubeVersion: '>=1.25.0-0',
});

/**
 * What tells a chart's content from another's, as part of its version: Flux upgrades a release when the version differs.
 * It stands as a pre-release, because Flux writes build metadata of its own over any other.
 */
export const contentHash = (content: string): string =>
  // A letter in front: an identifier of digits alone must not begin with 0.
  `g${createHash('sha256').update(content).digest('hex').slice(0, 8)}`;

/**
 * `Chart.yaml` of charts/operators, which is written by hand but for its version: the release's, and a hash of the rest.
 * @param values its values.yaml
 */
export const operatorsChart = (chart: string, values: string): string => {
  const content = JSON.stringify([{ ...(parse(chart) as object), version: undefined }, parse(values)]);
  return chart.replace(/^version: \S+/m, `version: ${VERSION}-${contentHash(content)}`);
};
