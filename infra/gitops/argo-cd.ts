/** Argo CD: an Application for the operators, and one for the product, which comes in a later wave. */
import { ApiObject, Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import { valuesFilesOf, type GitOpsOptions } from './options.ts';

const NAMESPACE = 'argocd';
const RETRY = { limit: 10, backoff: { duration: '15s', factor: 2, maxDuration: '5m' } };

interface ApplicationOptions {
  readonly name: string;
  readonly wave: number;
  readonly path: string;
  readonly helm: object;
  readonly namespace: string;
  readonly syncOptions: readonly string[];
  readonly ignoreDifferences?: readonly object[];
}

export class ArgoCdChart extends Chart {
  constructor(scope: Construct, id: string, options: GitOpsOptions) {
    super(scope, id, { namespace: NAMESPACE, disableResourceNameHashes: true });
    const { environment } = options;
    this.#application(options, {
      name: 'taskstream-operators',
      wave: 0,
      path: 'charts/operators',
      helm: {},
      namespace: environment.operatorsNamespace,
      // Their CRDs are too large for the annotation of a client-side apply.
      syncOptions: ['CreateNamespace=true', 'ServerSideApply=true'],
    });
    this.#application(options, {
      name: 'taskstream',
      wave: 1,
      path: 'charts/taskstream',
      helm: { valueFiles: valuesFilesOf(environment), parameters: [{ name: 'createNamespace', value: 'true' }] },
      namespace: environment.namespace,
      syncOptions: ['SkipDryRunOnMissingResource=true', 'RespectIgnoreDifferences=true'],
      // Filled in by the Job `ops secrets`, and nobody else's.
      ignoreDifferences: [{ group: '', kind: 'Secret', jsonPointers: ['/data/password'] }],
    });
  }

  #application({ repo, revision }: GitOpsOptions, options: ApplicationOptions): void {
    const { name, wave, path, helm, namespace, syncOptions, ignoreDifferences } = options;
    new ApiObject(this, name, {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Application',
      metadata: { name, annotations: { 'argocd.argoproj.io/sync-wave': String(wave) } },
      spec: {
        project: 'default',
        source: {
          repoURL: repo,
          targetRevision: revision,
          path,
          helm: { releaseName: name.replace(/^.*-/, ''), ...helm },
        },
        destination: { server: 'https://kubernetes.default.svc', namespace },
        ...(ignoreDifferences === undefined ? {} : { ignoreDifferences }),
        syncPolicy: { automated: { prune: true, selfHeal: true }, syncOptions, retry: RETRY },
      },
    });
  }
}
