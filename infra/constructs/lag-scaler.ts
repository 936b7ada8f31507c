/** KEDA: the number of indexers follows the lag of their group, up to one for each partition. */
import { ConfigMap } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { INDEXER_GROUP, TASKS_TOPIC } from '../../services/task/resources.ts';
import type { Environment } from '../environments/schema.ts';
import type { EnvSource } from './connection.ts';
import { CustomResource, PART_OF } from './custom-resource.ts';
import { labelsOf } from './labels.ts';

const API_VERSION = 'keda.sh/v1alpha1';
const NAME = `${PART_OF}-indexer`;

export interface LagScalerOptions {
  readonly deployment: string;
  readonly bootstrap: string;
  readonly indexer: Environment['indexer'];
  readonly partitions: number;
  readonly credentials: ScalerCredentials;
}

/** How KEDA reaches the brokers, in its own words. */
export interface ScalerCredentials {
  readonly tls: boolean;
  readonly sasl?: string;
  /** Parameters of its TriggerAuthentication. */
  readonly parameters: Readonly<Record<string, EnvSource>>;
}

export class LagScaler extends Construct {
  /** KEDA's name for the HorizontalPodAutoscaler that it makes. */
  static readonly autoscaler = `keda-hpa-${NAME}`;

  constructor(scope: Construct, id: string, options: LagScalerOptions) {
    super(scope, id);
    const { deployment, bootstrap, indexer, partitions, credentials } = options;
    const { tls, sasl, parameters } = credentials;
    const hasParameters = Object.keys(parameters).length > 0;
    if (hasParameters) addAuthentication(this, parameters);
    new CustomResource(this, 'scaled-object', {
      apiVersion: API_VERSION,
      kind: 'ScaledObject',
      name: NAME,
      component: 'indexer',
      spec: {
        scaleTargetRef: { name: deployment },
        minReplicaCount: indexer.minReplicas,
        // More than one for a partition would have nothing to read.
        maxReplicaCount: partitions,
        pollingInterval: indexer.pollingSeconds,
        cooldownPeriod: indexer.scaleDownStabilizationSeconds,
        // Brokers that do not answer are no reason to take indexers away.
        fallback: {
          failureThreshold: 3,
          replicas: 1,
          behavior: 'currentReplicasIfHigher',
        },
        advanced: {
          horizontalPodAutoscalerConfig: {
            behavior: {
              scaleUp: {
                stabilizationWindowSeconds: 0,
                policies: [
                  { type: 'Percent', value: 100, periodSeconds: 15 },
                  { type: 'Pods', value: 4, periodSeconds: 15 },
                ],
              },
              // Each step is a rebalance of the group.
              scaleDown: {
                stabilizationWindowSeconds: indexer.scaleDownStabilizationSeconds,
                policies: [{ type: 'Percent', value: 50, periodSeconds: 15 }],
              },
            },
          },
        },
        triggers: [
          {
            type: 'kafka',
            metadata: {
              bootstrapServers: bootstrap,
              consumerGroup: INDEXER_GROUP,
              topic: TASKS_TOPIC,
              lagThreshold: String(indexer.lagThreshold),
              activationLagThreshold: '0',
              // What the indexer itself does without a committed offset; KEDA's default is latest.
              offsetResetPolicy: 'earliest',
              ensureEvenDistributionOfPartitions: 'true',
              ...(sasl === undefined ? {} : { sasl }),
              ...(tls ? { tls: 'enable' } : {}),
            },
            ...(hasParameters ? { authenticationRef: { name: NAME } } : {}),
          },
        ],
      },
    });
  }
}

/** Secrets have what is secret; the rest comes from a ConfigMap. */
const addAuthentication = (scope: Construct, parameters: ScalerCredentials['parameters']): void => {
  const entries = Object.entries(parameters);
  const data = Object.fromEntries(
    entries.flatMap(([parameter, source]) => ('value' in source ? [[parameter, source.value] as const] : [])),
  );
  const name = `${NAME}-scaler`;
  const isEmpty = Object.keys(data).length === 0;
  if (!isEmpty) new ConfigMap(scope, 'user', { metadata: { name, labels: labelsOf('indexer') }, data });
  const secrets = entries.flatMap(([parameter, source]) =>
    'value' in source ? [] : [{ parameter, name: source.secret, key: source.key }],
  );
  new CustomResource(scope, 'authentication', {
    apiVersion: API_VERSION,
    kind: 'TriggerAuthentication',
    name: NAME,
    component: 'indexer',
    spec: {
      ...(isEmpty
        ? {}
        : { configMapTargetRef: Object.keys(data).map((parameter) => ({ parameter, name, key: parameter })) }),
      secretTargetRef: secrets,
    },
  });
};
