/** Whether the operators are there: their kinds are known, and the webhooks that judge our objects answer. */
import type { KubernetesObject } from '@kubernetes/client-node';
import { z } from 'zod';
import { apiMessage, isStatus, readIfThere, type Cluster } from '../cli/kubernetes.ts';
import type { Verdict } from './judge.ts';

export interface OperatorRow extends Verdict {
  readonly kind: 'Operator';
  readonly name: string;
}

interface Operator {
  readonly name: string;
  readonly definitions: readonly string[];
  /** An object that its webhook would see; it is only tried, and need not be valid. */
  readonly probe?: KubernetesObject & { readonly spec: object };
}

const OPERATORS: readonly Operator[] = [
  {
    name: 'strimzi',
    definitions: ['kafkas', 'kafkanodepools', 'kafkatopics', 'kafkausers'].map(
      (plural) => `${plural}.kafka.strimzi.io`,
    ),
  },
  {
    name: 'eck',
    definitions: ['elasticsearches.elasticsearch.k8s.elastic.co'],
    probe: {
      apiVersion: 'elasticsearch.k8s.elastic.co/v1',
      kind: 'Elasticsearch',
      spec: { version: '9.2.0', nodeSets: [{ name: 'default', count: 1 }] },
    },
  },
  {
    name: 'cloudnative-pg',
    definitions: ['clusters.postgresql.cnpg.io'],
    probe: {
      apiVersion: 'postgresql.cnpg.io/v1',
      kind: 'Cluster',
      spec: { instances: 1, storage: { size: '1Gi' } },
    },
  },
  {
    name: 'keda',
    definitions: ['scaledobjects.keda.sh', 'triggerauthentications.keda.sh'],
    probe: {
      apiVersion: 'keda.sh/v1alpha1',
      kind: 'ScaledObject',
      spec: { scaleTargetRef: { name: 'probe' }, triggers: [{ type: 'cron', metadata: {} }] },
    },
  },
];

export const readOperators = (cluster: Cluster): Promise<OperatorRow[]> =>
  Promise.all(
    OPERATORS.map(async ({ name, definitions, probe }) => {
      const missing = await firstNotEstablished(cluster, definitions);
      const verdict: Verdict =
        missing !== undefined
          ? { state: 'waiting', detail: `${missing} is not established` }
          : probe === undefined
            ? { state: 'ready', detail: 'kinds established' }
            : await tryWebhook(cluster, probe);
      return { kind: 'Operator' as const, name, ...verdict };
    }),
  );

const definition = z.object({
  status: z
    .object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]) })
    .prefault({}),
});

const firstNotEstablished = async (cluster: Cluster, names: readonly string[]): Promise<string | undefined> => {
  for (const name of names) {
    const found = await readIfThere(cluster, {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name },
    });
    const parsed = definition.safeParse(found);
    const conditions = parsed.success ? parsed.data.status.conditions : [];
    if (!conditions.some(({ type, status }) => type === 'Established' && status === 'True')) return name;
  }
  return undefined;
};

/** What the API server says when it cannot reach a webhook, before its own judgement. */
const UNREACHED = /failed calling webhook|no endpoints available|connection refused/;

/** A trial run: nothing is made. A webhook that refuses the object has answered. */
const tryWebhook = async ({ objects }: Cluster, probe: KubernetesObject): Promise<Verdict> => {
  const named = { ...probe, metadata: { name: 'taskstream-probe', namespace: 'default' } };
  const answered: Verdict = { state: 'ready', detail: 'kinds established, webhook answers' };
  try {
    await objects.create(named, undefined, 'All');
    return answered;
  } catch (error) {
    const message = apiMessage(error);
    return UNREACHED.test(message) || isStatus(error, 404) ? { state: 'waiting', detail: message } : answered;
  }
};
