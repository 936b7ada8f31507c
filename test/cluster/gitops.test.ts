import { readdirSync, readFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { environmentOf, environments } from '../../infra/environments/index.ts';
import { createGitOpsApps } from '../../infra/gitops/app.ts';
import { find, ofKind, type Manifest } from '../support/manifests.ts';
import { deleteNamespace, kubectl, mustKubectl, toYaml } from './support/cluster.ts';

const NAMESPACES = ['argocd', 'flux-system'];
const chart = join(import.meta.dirname, '../../charts');

const synthesised = (environment: string): Map<string, Manifest[]> => {
  const outdir = mkdtempSync(join(tmpdir(), 'taskstream-gitops-'));
  const options = {
    repo: 'https://git.example.com/team/taskstream.git',
    revision: 'main',
    environment: environmentOf(environment),
  };
  for (const app of createGitOpsApps(options, outdir)) app.synth();
  const files = readdirSync(outdir, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.yaml'));
  const manifests = files.map((file): [string, Manifest[]] => [
    file,
    parseAllDocuments(readFileSync(join(outdir, file), 'utf8')).map((document) => document.toJS() as Manifest),
  ]);
  rmSync(outdir, { recursive: true });
  return new Map(manifests);
};

beforeAll(() =>
  mustKubectl(
    ['apply', '-f', '-'],
    toYaml(NAMESPACES.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }))),
  ),
);
afterAll(() => Promise.all(NAMESPACES.map(deleteNamespace)));

describe.each(Object.keys(environments))('GitOps for %s', (name) => {
  const files = synthesised(name);

  it('is accepted by the CRDs of Argo CD and Flux, with strict validation', async () => {
    expect([...files.keys()].sort()).toEqual([
      'argo-cd/applications.yaml',
      'flux/application/namespace.yaml',
      'flux/application/release.yaml',
      'flux/operators/release.yaml',
      'flux/steps.yaml',
    ]);
    const { code, stderr } = await kubectl(
      ['apply', '--dry-run=server', '--validate=strict', '-f', '-'],
      toYaml([...files.values()].flat()),
    );
    expect([code, stderr]).toEqual([0, '']);
  });

  it('has the operators before the product, and names charts and values that exist', () => {
    const applications = files.get('argo-cd/applications.yaml') ?? [];
    const waves = applications.map(({ metadata }) => [
      metadata.name,
      Number(
        (metadata as unknown as { annotations: Record<string, string> }).annotations['argocd.argoproj.io/sync-wave'],
      ),
    ]);
    expect(waves).toEqual([
      ['taskstream-operators', 0],
      ['taskstream', 1],
    ]);
    expect(find(applications, 'Application', 'taskstream').spec.syncPolicy.syncOptions).toContain(
      'SkipDryRunOnMissingResource=true',
    );
    const steps = files.get('flux/steps.yaml') ?? [];
    expect(find(steps, 'Kustomization', 'taskstream').spec.dependsOn).toEqual([{ name: 'taskstream-operators' }]);
    const releases = ['operators', 'application'].flatMap((step) =>
      ofKind(files.get(`flux/${step}/release.yaml`) ?? [], 'HelmRelease'),
    );
    const named = [
      ...applications.map(({ spec }) => [spec.source.path, spec.source.helm.valueFiles ?? []] as [string, string[]]),
      ...releases.map(({ spec }): [string, string[]] => [
        spec.chart.spec.chart,
        ((spec.chart.spec.valuesFiles ?? []) as string[]).map((file) => file.split('/').at(-1) ?? ''),
      ]),
    ];
    expect(named).toHaveLength(4);
    for (const [path, values] of named) {
      const found = readdirSync(join(chart, '..', path));
      for (const file of ['Chart.yaml', ...values]) expect(found).toContain(file);
    }
  });
});
