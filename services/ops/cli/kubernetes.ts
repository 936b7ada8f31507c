/** The connection to the cluster: of the pod it runs in, or of the person's kubeconfig. */
import {
  ApiException,
  CoreV1Api,
  KubeConfig,
  KubernetesObjectApi,
  type KubernetesObject,
  type RequestContext,
} from '@kubernetes/client-node';
import { messageOf, TaskstreamError } from '../../platform/errors.ts';
import type { ClusterOptions } from './cluster-options.ts';

export interface Cluster {
  readonly core: CoreV1Api;
  /** Objects of any kind, also of those that operators bring. */
  readonly objects: KubernetesObjectApi;
  readonly namespace: string;
}

/** What the client library makes up, for a server on this machine, where it finds neither a kubeconfig nor a pod's account. */
const MADE_UP_CONTEXT = 'loaded-context';

/** Bound on a question, in milliseconds: without one a server that accepts connections and says nothing is waited for without end. */
const QUESTION_MS = 10_000;
/** The same for what webhooks are asked about, which may take 30 s themselves. */
const TRIAL_MS = 40_000;

/** The client library has no bound of its own, and asks this for each request. */
class BoundedKubeConfig extends KubeConfig {
  override async applySecurityAuthentication(context: RequestContext): Promise<void> {
    await super.applySecurityAuthentication(context);
    context.setSignal(AbortSignal.timeout(context.getHttpMethod().toString() === 'GET' ? QUESTION_MS : TRIAL_MS));
  }
}

const loadKubeconfig = (): KubeConfig => {
  const config = new BoundedKubeConfig();
  try {
    config.loadFromDefault();
  } catch (error) {
    throw new TaskstreamError(
      'invalid_configuration',
      `The kubeconfig cannot be used (${messageOf(error)}): set KUBECONFIG to one that works with kubectl.`,
      { cause: error },
    );
  }
  return config;
};

/** @throws TaskstreamError `invalid_configuration` when there is no context to use, or none of that name */
export const connectToCluster = ({ namespace, context }: ClusterOptions): Cluster => {
  const config = loadKubeconfig();
  if (context) {
    if (config.getContextObject(context) === null) {
      throw new TaskstreamError(
        'invalid_configuration',
        `The kubeconfig has no context ${context}; it has ${config
          .getContexts()
          .map(({ name }) => name)
          .join(', ')}.`,
      );
    }
    config.setCurrentContext(context);
  }
  if (config.getCurrentCluster() === null || config.getCurrentContext() === MADE_UP_CONTEXT) {
    throw new TaskstreamError(
      'invalid_configuration',
      'There is no Kubernetes cluster to talk to: set KUBECONFIG, or choose one with kubectl config use-context.',
    );
  }
  const ofContext = config.getContextObject(config.getCurrentContext())?.namespace;
  return {
    core: config.makeApiClient(CoreV1Api),
    objects: KubernetesObjectApi.makeApiClient(config),
    namespace: namespace ?? ofContext ?? 'default',
  };
};

export const isStatus = (error: unknown, status: number): boolean =>
  error instanceof ApiException && error.code === status;

/** Reads an object of any kind; undefined when there is none. */
export const readIfThere = async (
  { objects }: Pick<Cluster, 'objects'>,
  object: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly metadata: { name: string; namespace?: string };
  },
): Promise<KubernetesObject | undefined> => {
  try {
    return await objects.read(object);
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
};

/** What the API server said, in its own words. */
export const apiMessage = (error: unknown): string => {
  if (!(error instanceof ApiException)) {
    // By the words of the HTTP client, which knows no reason of a signal.
    return messageOf(error).replace(/The user aborted a request\.?|The operation was aborted\.?/, 'no answer in time');
  }
  const body: unknown = error.body;
  const status = typeof body === 'string' ? parse(body) : body;
  const message = typeof status === 'object' && status !== null && 'message' in status ? status.message : undefined;
  return typeof message === 'string' ? message : `HTTP ${error.code}`;
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

export type { KubernetesObject };
