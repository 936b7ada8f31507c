/**
 * What an object's status says: ready, or what it waits for. One function for each kind, by the words of its operator:
 * conditions in Strimzi and KEDA, phase and health in ECK, phase and instances in CloudNativePG.
 */
import { z } from 'zod';

export type State = 'ready' | 'waiting' | 'failed';

export interface Verdict {
  readonly state: State;
  /** What it is like, or what blocks it. */
  readonly detail: string;
}

const condition = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().optional(),
  message: z.string().optional(),
});
type Condition = z.infer<typeof condition>;

const number = z.number().default(0);
const object = z.object({
  spec: z
    .object({
      replicas: z.number().optional(),
      instances: z.number().optional(),
      partitions: z.number().optional(),
      minReplicaCount: z.number().optional(),
      maxReplicaCount: z.number().optional(),
    })
    .default({}),
  status: z
    .object({
      conditions: z.array(condition).default([]),
      phase: z.string().optional(),
      phaseReason: z.string().optional(),
      // KEDA has an object under this name.
      health: z.string().optional().catch(undefined),
      availableNodes: number,
      readyInstances: number,
      updatedReplicas: number,
      availableReplicas: number,
      replicas: number,
      succeeded: number,
      active: number,
      failed: number,
    })
    .prefault({}),
});
type Judged = z.infer<typeof object>;

const ready = (detail: string): Verdict => ({ state: 'ready', detail });
const waiting = (detail: string): Verdict => ({ state: 'waiting', detail });

const find = ({ status }: Judged, type: string): Condition | undefined =>
  status.conditions.find((candidate) => candidate.type === type);
const isTrue = (judged: Judged, type: string): boolean => find(judged, type)?.status === 'True';
const reasonOf = (found: Condition | undefined): string | undefined =>
  found === undefined ? undefined : [found.reason, found.message].filter(Boolean).join(': ') || undefined;

/** Ready as a condition, which is how Strimzi says it; NotReady has the reason. */
const strimzi =
  (describe: (judged: Judged) => string = () => '') =>
  (judged: Judged): Verdict =>
    isTrue(judged, 'Ready')
      ? ready(describe(judged))
      : waiting(reasonOf(find(judged, 'NotReady')) ?? 'not taken up yet: is the operator of Strimzi there?');

const elasticsearch = ({ status }: Judged): Verdict => {
  const { phase, health = 'unknown', availableNodes } = status;
  if (phase === undefined) return waiting('not taken up yet: is the operator of ECK there?');
  const detail = `health ${health}, ${availableNodes} nodes`;
  return phase === 'Ready' && (health === 'green' || health === 'yellow')
    ? ready(detail)
    : waiting(`${phase}: ${detail}`);
};

const postgres = (judged: Judged): Verdict => {
  const { phase, phaseReason, readyInstances } = judged.status;
  const { instances = 1 } = judged.spec;
  if (phase === undefined) return waiting('not taken up yet: is the operator of CloudNativePG there?');
  const detail = `${readyInstances} of ${instances} instances`;
  if (isTrue(judged, 'Ready') && readyInstances >= instances) return ready(detail);
  return waiting([phase, phaseReason, detail].filter(Boolean).join(', '));
};

const job = (judged: Judged): Verdict => {
  if (isTrue(judged, 'Complete')) return ready('complete');
  if (isTrue(judged, 'Failed')) {
    return { state: 'failed', detail: reasonOf(find(judged, 'Failed')) ?? 'failed: see its log' };
  }
  const { active, failed } = judged.status;
  return waiting(`${active > 0 ? 'running' : 'not started'}${failed > 0 ? `, ${failed} attempts failed` : ''}`);
};

const deployment = ({ spec, status }: Judged): Verdict => {
  const { replicas = 1 } = spec;
  const detail = `${status.availableReplicas} of ${replicas} pods`;
  const isRolledOut = status.updatedReplicas >= replicas && status.replicas <= replicas;
  if (status.availableReplicas >= replicas && isRolledOut) return ready(detail);
  return waiting(isRolledOut ? detail : `${detail}, ${status.updatedReplicas} of the new version`);
};

const scaledObject = (judged: Judged): Verdict => {
  const { minReplicaCount = 0, maxReplicaCount = 100 } = judged.spec;
  if (!isTrue(judged, 'Ready')) {
    return waiting(reasonOf(find(judged, 'Ready')) ?? 'not taken up yet: is KEDA there?');
  }
  const fallback = isTrue(judged, 'Fallback') ? ', falling back: the brokers do not answer' : '';
  const activity = isTrue(judged, 'Active') ? 'active' : 'quiet';
  return ready(`${activity}, ${minReplicaCount} to ${maxReplicaCount} replicas${fallback}`);
};

const JUDGES = {
  Kafka: strimzi(),
  KafkaTopic: strimzi(({ spec }) => `${spec.partitions ?? 1} partitions`),
  KafkaUser: strimzi(),
  Elasticsearch: elasticsearch,
  Cluster: postgres,
  Job: job,
  Deployment: deployment,
  ScaledObject: scaledObject,
} as const satisfies Record<string, (judged: Judged) => Verdict>;

export type Kind = keyof typeof JUDGES;

/** An object without a status, or with words in it that are not known, is waited for. */
export const judge = (kind: Kind, data: unknown): Verdict => {
  const parsed = object.safeParse(data);
  return parsed.success ? JUDGES[kind](parsed.data) : waiting('its status cannot be read');
};
