/** The indexer's lag as KEDA measures it, against its replicas: from the autoscaler that KEDA makes. */
import { z } from 'zod';
import { readIfThere, type Cluster } from '../cli/kubernetes.ts';

const autoscaler = z.object({
  status: z.object({
    currentReplicas: z.number().default(0),
    desiredReplicas: z.number().default(0),
    currentMetrics: z
      .array(
        z.object({ external: z.object({ current: z.object({ averageValue: z.string().optional() }) }).optional() }),
      )
      .nullish(),
  }),
});

/** @returns nothing where there is no autoscaler yet */
export const lagOf = async (cluster: Cluster, scaledObject: string): Promise<string | undefined> => {
  const found = await readIfThere(cluster, {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    // KEDA's own prefix.
    metadata: { name: `keda-hpa-${scaledObject}`, namespace: cluster.namespace },
  });
  const parsed = autoscaler.safeParse(found);
  if (!parsed.success) return undefined;
  const { currentReplicas, desiredReplicas, currentMetrics } = parsed.data.status;
  const average = currentMetrics?.[0]?.external?.current.averageValue;
  const replicas =
    currentReplicas === desiredReplicas ? `${currentReplicas}` : `${currentReplicas} → ${desiredReplicas}`;
  const lag = average === undefined ? 'not measured yet' : String(Math.round(quantity(average) * currentReplicas));
  return `lag ${lag} at ${replicas} replicas`;
};

const SUFFIXES: Readonly<Record<string, number>> = { m: 1e-3, k: 1e3, M: 1e6, G: 1e9 };

/** A decimal quantity of Kubernetes, such as `1500m` or `12k`, as a number. */
export const quantity = (text: string): number => {
  const [, digits = '', suffix = ''] = /^([\d.]+)([mkMG]?)$/.exec(text) ?? [];
  return Number(digits) * (SUFFIXES[suffix] ?? 1);
};
