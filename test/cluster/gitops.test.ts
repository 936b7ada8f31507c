import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { environments } from '../../infra/environments/index.ts';
import { gitOpsManifestsOf } from '../support/manifests.ts';
import { deleteNamespace, kubectl, mustKubectl, toYaml } from './support/cluster.ts';

const NAMESPACES = ['argocd', 'flux-system'];

beforeAll(() =>
  mustKubectl(
    ['apply', '-f', '-'],
    toYaml(NAMESPACES.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }))),
  ),
);
afterAll(() => Promise.all(NAMESPACES.map(deleteNamespace)));

describe.each(Object.keys(environments))('GitOps for %s', (name) => {
  const files = gitOpsManifestsOf(name);

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
});
