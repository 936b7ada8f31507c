import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { environmentOf, environments } from '../../infra/environments/index.ts';
import { find, gitOpsManifestsOf, manifestsOf, ofKind, type Manifest } from '../support/manifests.ts';

const root = join(import.meta.dirname, '../..');

/** The HelmReleases of Flux' two steps: operators, application. */
const releasesIn = (files: ReadonlyMap<string, readonly Manifest[]>): Manifest[] =>
  ['operators', 'application'].flatMap((step) => ofKind(files.get(`flux/${step}/release.yaml`) ?? [], 'HelmRelease'));

const minutes = (text: string): number => Number(/^(\d+)m$/.exec(text)?.[1]);

describe.each(Object.keys(environments))('GitOps for %s', (name) => {
  const files = gitOpsManifestsOf(name);
  const releases = releasesIn(files);
  const steps = ofKind(files.get('flux/steps.yaml') ?? [], 'Kustomization');

  it('has the operators before the product, and names charts and values that exist', () => {
    const applications = files.get('argo-cd/applications.yaml') ?? [];
    const waves = applications.map(({ metadata }) => [
      metadata.name,
      metadata.annotations?.['argocd.argoproj.io/sync-wave'],
    ]);
    expect(waves).toEqual([
      ['taskstream-operators', '0'],
      ['taskstream', '1'],
    ]);
    expect(find(applications, 'Application', 'taskstream').spec.syncPolicy.syncOptions).toContain(
      'SkipDryRunOnMissingResource=true',
    );
    expect(find(steps, 'Kustomization', 'taskstream').spec.dependsOn).toEqual([{ name: 'taskstream-operators' }]);
    const named = [
      ...applications.map(({ spec }) => [spec.source.path, spec.source.helm.valueFiles ?? []] as [string, string[]]),
      ...releases.map(({ spec }): [string, string[]] => [
        spec.chart.spec.chart,
        ((spec.chart.spec.valuesFiles ?? []) as string[]).map((file) => file.split('/').at(-1) ?? ''),
      ]),
    ];
    expect(named).toHaveLength(4);
    for (const [path, values] of named) {
      const found = readdirSync(join(root, path));
      for (const file of ['Chart.yaml', ...values]) expect(found).toContain(file);
    }
  });

  it('has Flux try a failed install or upgrade again, and neither uninstall nor roll back', () => {
    expect(releases).toHaveLength(2);
    for (const { spec } of releases) {
      for (const action of [spec.install, spec.upgrade]) {
        expect(action.strategy.name).toBe('RetryOnFailure');
        // Remediation is what deletes a first install that takes too long.
        expect(action).not.toHaveProperty('remediation');
      }
    }
  });

  it('gives a first start under Flux its time: the migration waits for servers, a release for it, a step for that', () => {
    const [migrate] = ofKind(manifestsOf(environmentOf(name)), 'Job').filter(({ metadata }) =>
      metadata.name.startsWith('taskstream-migrate-'),
    );
    const migrateMinutes = Number(migrate?.spec.activeDeadlineSeconds) / 60;
    expect(migrateMinutes).toBeGreaterThan(0);
    const releaseMinutes = releases.map(({ spec }) => minutes(spec.timeout as string));
    const stepMinutes = steps.map(({ spec }) => minutes(spec.timeout as string));
    expect(Math.min(...releaseMinutes)).toBeGreaterThan(migrateMinutes);
    expect(Math.min(...stepMinutes)).toBeGreaterThan(Math.max(...releaseMinutes));
  });

  it('upgrades a release under Flux when its chart changes, and not with each commit', () => {
    for (const { spec } of releases) expect(spec.chart.spec.reconcileStrategy).toBe('ChartVersion');
  });
});
