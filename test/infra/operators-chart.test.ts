import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { environmentOf, environments } from '../../infra/environments/index.ts';
import { CERTIFICATE_DAYS_LEFT } from '../../infra/alerts/certificates.ts';
import { operatorsChart } from '../../infra/helm/chart.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Dependency {
  readonly name: string;
  readonly version: string;
  readonly condition: string;
}
const chart = parse(read('charts/operators/Chart.yaml')) as { version: string; dependencies: Dependency[] };
const { dependencies } = chart;
const values = parse(read('charts/operators/values.yaml')) as Record<string, { enabled?: boolean }>;

/** Rows of the table in docs/operators.md: the chart, its version, the operator's, and what the test cluster runs. */
const documented = [
  ...read('docs/operators.md').matchAll(/^\| `([\w-]+)` +\| ([\d.]+) +\| ([\d.]+) +\| ([\d.]+|–) .*$/gm),
];

it('docs/operators.md has the version of each chart, and the one that the test cluster judges manifests with', () => {
  const lab = read('test/cluster/lab/versions.env');
  const tested = (name: string) => new RegExp(`^${name}_VERSION=([\\d.]+)`, 'm').exec(lab)?.[1];
  expect(documented.map(([, name, version]) => [name, version])).toEqual(
    dependencies.map(({ name, version }) => [name, version]),
  );
  expect(documented.map(([, name, , , inLab]) => [name, inLab])).toEqual([
    ['strimzi-kafka-operator', tested('STRIMZI')],
    ['eck-operator', tested('ECK')],
    ['cloudnative-pg', tested('CNPG')],
    ['keda', tested('KEDA')],
    ['traefik', '–'],
  ]);
});

it('pages name what each run of the cluster tests runs on as it is pinned', () => {
  const lab = read('test/cluster/lab/versions.env');
  const pinned = { Kubernetes: 'KUBERNETES', KEDA: 'KEDA', CloudNativePG: 'CNPG', ECK: 'ECK' };
  // Rows and lines of what was seen by hand have a date, and keep their versions.
  const told = ['docs/kind.md', 'docs/operators.md', 'docs/gitops.md'].flatMap((page) =>
    read(page)
      .split('\n')
      .filter((line) => line.includes('npm run test:cluster'))
      .flatMap((line) => [...line.matchAll(/(Kubernetes|KEDA|CloudNativePG|ECK) (\d[\d.]*\d)/g)]),
  );
  expect(told.length).toBeGreaterThanOrEqual(4);
  for (const [text, name, version] of told) {
    const wanted = new RegExp(`^${pinned[name as keyof typeof pinned]}_VERSION=([\\d.]+)`, 'm').exec(lab)?.[1];
    expect(version, text).toBe(wanted);
  }
});

it('docs/server-upgrades.md has the same versions of the operators', () => {
  const rows = read('docs/server-upgrades.md').matchAll(
    /^\| (?:Strimzi|ECK|CloudNativePG|KEDA) +\| ([\d.]+) +\| ([\d.]+)/gm,
  );
  expect([...rows].map(([, operator, inLab]) => [operator, inLab])).toEqual(
    documented.slice(0, 4).map(([, , , operator, inLab]) => [operator, inLab]),
  );
});

it('charts/operators has no operator that is older than what manifests are judged with', () => {
  const parts = (version: string) => version.split('.').map(Number);
  const isOlder = (a: string, b: string) => {
    const [major = 0, minor = 0, patch = 0] = parts(a).map((part, index) => part - (parts(b)[index] ?? 0));
    return major !== 0 ? major < 0 : minor !== 0 ? minor < 0 : patch < 0;
  };
  const older = documented.filter(([, , , operator = '', inLab = '']) => inLab !== '–' && isOlder(operator, inLab));
  expect(older.map(([, name]) => name)).toEqual([]);
  expect(isOlder('1.27.1', '1.30.0')).toBe(true);
});

it('charts/operators has another version when its content is another: Flux upgrades by that', () => {
  const [text, content] = [read('charts/operators/Chart.yaml'), read('charts/operators/values.yaml')];
  expect(operatorsChart(text, content), 'npm run chart writes the version').toBe(text);
  expect(operatorsChart(text, `${content}\nmore: true\n`)).not.toBe(text);
});

it('charts/operators can leave out each of them', () => {
  for (const { name, version, condition } of dependencies) {
    expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
    expect(condition).toBe(`${name}.enabled`);
    expect(values[name]?.enabled, name).toBe(true);
  }
});

it('charts/operators has each operator renew certificates well before the alert that one was forgotten', () => {
  const { config: eck } = values['eck-operator'] as unknown as { config: Record<string, string> };
  const { config: cnpg } = values['cloudnative-pg'] as unknown as { config: { data: Record<string, string> } };
  const hours = [eck['caRotateBefore'], eck['certificatesRotateBefore']].map((text) => Number(text?.replace(/h$/, '')));
  const days = [...hours.map((each) => each / 24), Number(cnpg.data['EXPIRING_CHECK_THRESHOLD'])];
  for (const each of days) expect(each).toBeGreaterThanOrEqual(CERTIFICATE_DAYS_LEFT + 7);
});

it('charts/operators has Traefik publish an address: to Argo CD an Ingress without one is never healthy', () => {
  const { service, providers } = values['traefik'] as unknown as {
    service: { type: string };
    providers: {
      kubernetesIngress: { publishedService: { enabled: boolean }; ingressEndpoint: { hostname: string } };
    };
  };
  const { publishedService, ingressEndpoint } = providers.kubernetesIngress;
  // The Service's own address is the other way; a NodePort has none, and what is published of it wins.
  expect([service.type, publishedService.enabled]).toEqual(['NodePort', false]);
  expect(ingressEndpoint.hostname).toMatch(/\S/);
});

it('every environment has the ingress class that charts/operators makes', () => {
  const { ingressClass } = values['traefik'] as unknown as { ingressClass: { name: string } };
  for (const name of Object.keys(environments)) expect(environmentOf(name).ingress.className).toBe(ingressClass.name);
});

it('every environment expects the operators and the ingress controller in the namespace they are installed in', () => {
  const tiltfile = read('Tiltfile');
  for (const name of Object.keys(environments)) {
    const { kedaNamespace, operatorsNamespace, ingress } = environmentOf(name);
    expect(new Set([kedaNamespace, operatorsNamespace, ingress.namespace])).toEqual(new Set(['operators']));
  }
  expect(tiltfile).toContain('--namespace operators');
});
