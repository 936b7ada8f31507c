/** Why the pods of a workload do not run. */
import type { CoreV1Api, V1Pod } from '@kubernetes/client-node';

/** @returns the first thing that a person should look at, if there is any */
export const whyPodsWait = async (
  core: CoreV1Api,
  namespace: string,
  labels: Readonly<Record<string, string>>,
): Promise<string | undefined> => {
  const labelSelector = Object.entries(labels)
    .map(([label, value]) => `${label}=${value}`)
    .join(',');
  const { items } = await core.listNamespacedPod({ namespace, labelSelector });
  return items.map(whyPodWaits).find((reason) => reason !== undefined);
};

export const whyPodWaits = ({ metadata, status }: V1Pod): string | undefined => {
  if (status?.phase === 'Succeeded' || metadata?.deletionTimestamp !== undefined) return undefined;
  const [container] = status?.containerStatuses ?? [];
  const name = metadata?.name ?? 'a pod';
  const unscheduled = status?.conditions?.find(
    ({ type, status: value }) => type === 'PodScheduled' && value === 'False',
  );
  if (unscheduled !== undefined) return `${name}: ${unscheduled.message ?? 'finds no node'}`;
  const waits = container?.state?.waiting;
  const ended = container?.lastState?.terminated ?? container?.state?.terminated;
  const exit = ended === undefined || ended.exitCode === 0 ? '' : `, exited with ${ended.exitCode}`;
  if (waits !== undefined && waits.reason !== 'ContainerCreating') {
    return `${name}: ${[waits.reason, waits.message].filter(Boolean).join(': ')}${exit}`;
  }
  if (container?.state?.running !== undefined && !container.ready) {
    return `${name}: runs and is not ready: see kubectl logs${exit}`;
  }
  return undefined;
};
