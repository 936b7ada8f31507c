/**
 * Flux: a Kustomization for the operators, and one for the product that depends on it; each applies a HelmRelease of a
 * chart in this repository.
 */
import { ApiObject, Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import { MIGRATE_DEADLINE_SECONDS } from '../charts/setup.ts';
import { valuesFilesOf, type GitOpsOptions } from './options.ts';

const NAMESPACE = 'flux-system';
const SOURCE = { kind: 'GitRepository', name: 'taskstream' };
/** Where the folders of the steps lie in the repository that Flux was bootstrapped with: not below a cluster's own. */
const FOLDER = './taskstream';
/** A release waits for its Jobs and pods: for the migration, which waits for the servers, and for the API after it. */
const RELEASE_TIMEOUT_MINUTES = MIGRATE_DEADLINE_SECONDS / 60 + 10;
/** A step waits for its release. */
const STEP_TIMEOUT_MINUTES = RELEASE_TIMEOUT_MINUTES + 10;
/**
 * A failed install or upgrade is tried again as it stands. Flux's default uninstalls a failed install: that would delete
 * Kafka while the first start still pulls images. A rollback would take back what cannot go back: partitions, the size of
 * volumes. A roll-out that fails stops at its first pod anyway, and the pods before it go on.
 */
const RETRY = { strategy: { name: 'RetryOnFailure', retryInterval: '1m' } };

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
          timeout: `${STEP_TIMEOUT_MINUTES}m`,
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
      timeout: `${RELEASE_TIMEOUT_MINUTES}m`,
      releaseName: name,
      targetNamespace: namespace,
      storageNamespace: namespace,
      chart: {
        spec: {
          chart: `./${chart}`,
          sourceRef: SOURCE,
          // A commit that changes nothing in the chart upgrades nothing: the version changes with the content.
          reconcileStrategy: 'ChartVersion',
          ...(valuesFiles.length === 0
            ? {}
            : { valuesFiles: [`${chart}/values.yaml`, ...valuesFiles.map((file) => `${chart}/${file}`)] }),
        },
      },
      install: { ...install, ...RETRY },
      upgrade: { ...upgrade, ...RETRY },
    },
  });
};
