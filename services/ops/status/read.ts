/** The product in a namespace: every object of it that can be ready or not, and what blocks it. */
import { messageOf, TaskstreamError } from '../../platform/errors.ts';
import { apiMessage, isStatus, type Cluster, type KubernetesObject } from '../cli/kubernetes.ts';
import { judge, type Kind, type Verdict } from './judge.ts';
import { lagOf } from './lag.ts';
import { whyPodsWait } from './pods.ts';

export interface Row extends Verdict {
  readonly kind: Kind;
  readonly name: string;
}

/** In which the product comes up. */
export const STAGES = {
  'data-plane': [
    ['kafka.strimzi.io/v1', 'Kafka'],
    ['kafka.strimzi.io/v1', 'KafkaTopic'],
    ['kafka.strimzi.io/v1', 'KafkaUser'],
    ['elasticsearch.k8s.elastic.co/v1', 'Elasticsearch'],
    ['postgresql.cnpg.io/v1', 'Cluster'],
  ],
  application: [
    ['batch/v1', 'Job'],
    ['apps/v1', 'Deployment'],
    ['keda.sh/v1alpha1', 'ScaledObject'],
  ],
} as const satisfies Record<string, readonly (readonly [apiVersion: string, kind: Kind])[]>;
export type Stage = keyof typeof STAGES;

const LABEL = 'app.kubernetes.io/part-of=taskstream';

/** @throws TaskstreamError `invalid_configuration` when the API server does not answer or refuses */
export const readStatus = async (cluster: Cluster, stages: readonly Stage[]): Promise<Row[]> => {
  const kinds = stages.flatMap((stage) => [...STAGES[stage]]);
  const rows = await Promise.all(kinds.map(([apiVersion, kind]) => readKind(cluster, apiVersion, kind)));
  return rows.flat();
};

const readKind = async (cluster: Cluster, apiVersion: string, kind: Kind): Promise<Row[]> => {
  const found = await listOurs(cluster, apiVersion, kind);
  const objects = kind === 'Job' ? newestOfEach(found) : found;
  return Promise.all(
    objects.map(async (item) => {
      const name = item.metadata?.name ?? '';
      const row = { kind, name, ...judge(kind, item) };
      if (row.state === 'ready' && item.metadata?.labels?.['app.kubernetes.io/component'] === 'migrate') {
        return { ...row, detail: 'complete: schema and index are there' };
      }
      if (kind === 'ScaledObject') return withDetail(row, await lagOf(cluster, name));
      const isWorkload = kind === 'Deployment' || kind === 'Job';
      if (!isWorkload || row.state === 'ready') return row;
      const app = item.metadata?.labels?.['app.kubernetes.io/name'];
      const labels =
        kind === 'Job' ? { 'batch.kubernetes.io/job-name': name } : { 'app.kubernetes.io/name': app ?? name };
      return withDetail(row, await whyPodsWait(cluster.core, cluster.namespace, labels));
    }),
  );
};

/** Jobs of earlier versions are kept for their logs, and say nothing of this one. */
const newestOfEach = (jobs: readonly KubernetesObject[]): KubernetesObject[] => {
  const newest = new Map<string, KubernetesObject>();
  for (const job of jobs) {
    const component = job.metadata?.labels?.['app.kubernetes.io/name'] ?? '';
    if (createdAt(job) >= createdAt(newest.get(component))) newest.set(component, job);
  }
  return [...newest.values()];
};
const createdAt = (object: KubernetesObject | undefined): number =>
  object?.metadata?.creationTimestamp === undefined ? 0 : new Date(object.metadata.creationTimestamp).getTime();

const withDetail = (row: Row, more: string | undefined): Row =>
  more === undefined ? row : { ...row, detail: [row.detail, more].filter(Boolean).join('; ') };

/** The product's objects of a kind; none where the cluster does not know the kind: with servers elsewhere there are no operators. */
export const listOurs = async (
  { objects, namespace }: Cluster,
  apiVersion: string,
  kind: string,
): Promise<readonly KubernetesObject[]> => {
  try {
    const { items } = await objects.list(
      apiVersion,
      kind,
      namespace,
      undefined,
      undefined,
      undefined,
      undefined,
      LABEL,
    );
    // Items of a list do not say what they are.
    return items.map((item) => ({ ...item, apiVersion, kind }));
  } catch (error) {
    if (isStatus(error, 404) || /^Unrecognized API version and kind/.test(messageOf(error))) return [];
    throw new TaskstreamError(
      'invalid_configuration',
      `The cluster does not say what it has of ${kind}: ${apiMessage(error)}`,
      {
        cause: error,
      },
    );
  }
};
