/**
 * Removing the product. Objects with a finalizer go while their operator is there to release them: a KafkaTopic that
 * outlives Strimzi's topic operator, or a ScaledObject that outlives KEDA, would hold its namespace for ever.
 */
import { TaskstreamError } from '../../platform/errors.ts';
import { sleep } from '../../platform/time.ts';
import { apiMessage, isStatus, readIfThere, type Cluster, type KubernetesObject } from '../cli/kubernetes.ts';
import { listOurs } from '../status/read.ts';

/** Each step after the one before is gone. */
const STEPS: readonly (readonly (readonly [apiVersion: string, kind: string])[])[] = [
  [['keda.sh/v1alpha1', 'ScaledObject']],
  [
    ['kafka.strimzi.io/v1', 'KafkaTopic'],
    ['kafka.strimzi.io/v1', 'KafkaUser'],
  ],
  [
    ['kafka.strimzi.io/v1', 'Kafka'],
    ['elasticsearch.k8s.elastic.co/v1', 'Elasticsearch'],
    ['postgresql.cnpg.io/v1', 'Cluster'],
  ],
];
const POLL_MS = 1_000;

/** @throws TaskstreamError naming what was still there after `timeoutMs`, and how to find out why */
export const teardown = async (cluster: Cluster, timeoutMs: number, say: (line: string) => void): Promise<void> => {
  for (const kinds of STEPS) {
    const ours = async () =>
      (await Promise.all(kinds.map(([apiVersion, kind]) => listOurs(cluster, apiVersion, kind)))).flat();
    await remove(cluster, await ours(), ours, timeoutMs, say);
  }
  const { namespace } = cluster;
  const itself = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
  const found = async () => ((await readIfThere(cluster, itself)) === undefined ? [] : [itself]);
  await remove(cluster, await found(), found, timeoutMs, say);
};

const remove = async (
  { objects }: Cluster,
  targets: readonly KubernetesObject[],
  remaining: () => Promise<readonly KubernetesObject[]>,
  timeoutMs: number,
  say: (line: string) => void,
): Promise<void> => {
  for (const target of targets) {
    say(`deleting ${nameOf(target)}`);
    await objects.delete(target).catch((error: unknown) => {
      if (!isStatus(error, 404)) {
        throw new TaskstreamError(
          'invalid_configuration',
          `${nameOf(target)} cannot be deleted: ${apiMessage(error)}`,
          {
            cause: error,
          },
        );
      }
    });
  }
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const left = await remaining();
    if (left.length === 0) return;
    if (performance.now() > deadline) {
      throw new TaskstreamError(
        'invalid_configuration',
        `Still there after ${timeoutMs / 1_000} s: ${left.map(nameOf).join(', ')}. Its operator has to release it: ` +
          'see metadata.finalizers with kubectl get -o yaml, and whether the operator runs.',
      );
    }
    await sleep(POLL_MS);
  }
};

const nameOf = ({ kind, metadata }: KubernetesObject): string => `${kind ?? 'object'} ${metadata?.name ?? ''}`;
