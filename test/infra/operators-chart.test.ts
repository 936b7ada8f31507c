import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { environmentOf, environments } from '../../infra/environments/index.ts';
import { contentHash } from '../../infra/helm/chart.ts';

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

it('charts/operators has the versions that the test cluster judges manifests with', () => {
  const lab = read('test/cluster/lab/versions.env');
  const tested = (name: string) => new RegExp(`^${name}_VERSION=([\\d.]+)`, 'm').exec(lab)?.[1];
  const pinned = Object.fromEntries(dependencies.map(({ name, version }) => [name, version]));
  expect(pinned).toMatchObject({
    keda: tested('KEDA'),
    'eck-operator': tested('ECK'),
    'strimzi-kafka-operator': tested('STRIMZI'),
  });
  // This chart counts its own versions.
  expect([pinned['cloudnative-pg'], tested('CNPG')]).toEqual(['0.26.1', '1.27.1']);
});

it('charts/operators has another version when its content is another: Flux upgrades by that', () => {
  const [number] = chart.version.split('-');
  const content = JSON.stringify([{ ...chart, version: undefined }, values]);
  expect(chart.version, 'write this version into charts/operators/Chart.yaml').toBe(
    `${number ?? ''}-${contentHash(content)}`,
  );
});

it('charts/operators can leave out each of them', () => {
  for (const { name, version, condition } of dependencies) {
    expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
    expect(condition).toBe(`${name}.enabled`);
    expect(values[name]?.enabled, name).toBe(true);
  }
});

it('charts/operators has Traefik publish an address: to Argo CD an Ingress without one is never healthy', () => {
  const { service, providers, additionalArguments } = values['traefik'] as unknown as {
    service: { type: string };
    providers: { kubernetesIngress: { publishedService: { enabled: boolean } } };
    additionalArguments: string[];
  };
  // The Service's own address is the other way; a NodePort has none, and what is published of it wins.
  expect([service.type, providers.kubernetesIngress.publishedService.enabled]).toEqual(['NodePort', false]);
  expect(additionalArguments).toEqual([
    expect.stringMatching(/^--providers\.kubernetesingress\.ingressendpoint\.(hostname|ip)=\S+$/),
  ]);
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
