/**
 * Flux: a Kustomization for the operators, and one for the product that depends on it; each applies a HelmRelease of a
 * chart in this repository.
 */
import { ApiObject, Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import { valuesFilesOf, type GitOpsOptions } from './options.ts';

const NAMESPACE = 'flux-system';
const SOURCE = { kind: 'GitRepository', name: 'taskstream' };
/** Where the folders of the steps lie in the repository that Flux was bootstrapped with: not below a cluster's own. */
const FOLDER = './taskstream';
/** Time for images to be pulled and servers to come up. */
const TIMEOUT = '30m';

/** The source, and the two steps in their order. */
export class FluxStepsChart extends Chart {
  constructor(scope: Construct, id: string, { repo, revision }: GitOpsOptions) {
    super(scope, id, { namespace: NAMESPACE, disableResourceNameHashes: true });
    new ApiObject(this, 'source', {
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'GitRepository',
      metadata: { name: SOURCE.name },
      spec: { interval: '5m', url: repo, ref: { branch: revision } },
    });
    const step = (name: string, folder: string, dependsOn: readonly string[]) =>
      new ApiObject(this, name, {
        apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
        kind: 'Kustomization',
        metadata: { name },
        spec: {
          interval: '10m',
          path: `${FOLDER}/${folder}`,
          prune: true,
          // Ready only when what it applied is.
          wait: true,
          timeout: TIMEOUT,
          sourceRef: { kind: 'GitRepository', name: NAMESPACE },
          ...(dependsOn.length === 0 ? {} : { dependsOn: dependsOn.map((other) => ({ name: other })) }),
        },
      });
    step('taskstream-operators', 'operators', []);
    step('taskstream', 'application', ['taskstream-operators']);
  }
}

export class FluxOperatorsChart extends Chart {
  constructor(scope: Construct, id: string, { environment }: GitOpsOptions) {
    super(scope, id, { namespace: NAMESPACE, disableResourceNameHashes: true });
    release(this, 'operators', {
      chart: 'charts/operators',
      namespace: environment.operatorsNamespace,
      install: { createNamespace: true, crds: 'CreateReplace' },
      upgrade: { crds: 'CreateReplace' },
    });
  }
}

export class FluxApplicationChart extends Chart {
  constructor(scope: Construct, id: string, { environment }: GitOpsOptions) {
    super(scope, id, { namespace: NAMESPACE, disableResourceNameHashes: true });
    release(this, 'taskstream', {
      chart: 'charts/taskstream',
      namespace: environment.namespace,
      valuesFiles: valuesFilesOf(environment),
    });
  }
}

interface ReleaseOptions {
  readonly chart: string;
  readonly namespace: string;
  readonly valuesFiles?: readonly string[];
  readonly install?: object;
  readonly upgrade?: object;
}

const release = (scope: Construct, name: string, options: ReleaseOptions): void => {
  const { chart, namespace, valuesFiles = [], install = {}, upgrade = {} } = options;
  new ApiObject(scope, name, {
    apiVersion: 'helm.toolkit.fluxcd.io/v2',
    kind: 'HelmRelease',
    metadata: { name },
    spec: {
      interval: '10m',
      timeout: TIMEOUT,
      releaseName: name,
      targetNamespace: namespace,
      storageNamespace: namespace,
      chart: {
        spec: {
          chart: `./${chart}`,
          sourceRef: SOURCE,
          reconcileStrategy: 'Revision',
          ...(valuesFiles.length === 0
            ? {}
            : { valuesFiles: [`${chart}/values.yaml`, ...valuesFiles.map((file) => `${chart}/${file}`)] }),
        },
      },
      install: { ...install, remediation: { retries: 3 } },
      upgrade: { ...upgrade, remediation: { retries: 3 } },
    },
  });
};
