/** The connection to the cluster: of the pod it runs in, or of the person's kubeconfig. */
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { TaskstreamError } from '../shared/errors.ts';

export interface Cluster {
  readonly core: CoreV1Api;
  /** Of the current context, or of the pod. */
  readonly namespace: string;
}

/** @throws TaskstreamError `invalid_configuration` when there is no context to use */
export const connectToCluster = (namespace?: string): Cluster => {
  const config = new KubeConfig();
  config.loadFromDefault();
  if (config.getCurrentCluster() === null) {
    throw new TaskstreamError(
      'invalid_configuration',
      'There is no Kubernetes cluster to talk to: set KUBECONFIG, or choose one with kubectl config use-context.',
    );
  }
  const ofContext = config.getContextObject(config.getCurrentContext())?.namespace;
  return { core: config.makeApiClient(CoreV1Api), namespace: namespace ?? ofContext ?? 'default' };
};
