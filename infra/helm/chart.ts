/** The Helm chart `charts/taskstream`, made from the same code as the manifests. */
import { stringify } from 'yaml';
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
Then:       curl http{{ if .Values.ingress.tlsSecret }}s{{ end }}://{{ .Values.ingress.host }}/tasks
`;

/** @returns every file of the chart by its path in it */
export const chartFiles = (): ReadonlyMap<string, string> => {
  const defaults = valuesOf(production);
  return new Map([
    ['Chart.yaml', `# ${GENERATED}\n${stringify(metadata())}`],
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
};

const metadata = () => ({
  apiVersion: 'v2',
  name: 'taskstream',
  description: DESCRIPTION,
  type: 'application',
  version: VERSION,
  appVersion: VERSION,
  // What the oldest API in it needs: policy/v1, autoscaling/v2.
  kubeVersion: '>=1.25.0-0',
});
