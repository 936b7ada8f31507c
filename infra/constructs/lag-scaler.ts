/** KEDA: the number of indexers follows the lag of their group, up to one for each partition. */
import { ConfigMap } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { INDEXER_GROUP, TASKS_TOPIC } from '../../services/task/resources.ts';
import type { Environment } from '../environments/schema.ts';
import type { SecretKey } from './connection.ts';
import { CustomResource, PART_OF } from './custom-resource.ts';
import { labelsOf } from './labels.ts';

const API_VERSION = 'keda.sh/v1alpha1';
const NAME = `${PART_OF}-indexer`;

export interface LagScalerOptions {
  readonly deployment: string;
  readonly bootstrap: string;
  readonly indexer: Environment['indexer'];
  readonly partitions: number;
  /** SCRAM-SHA-512 over TLS; without it the brokers are reached in the clear. */
  readonly credentials?: { readonly username: string; readonly password: SecretKey; readonly ca: SecretKey };
}

export class LagScaler extends Construct {
  /** KEDA's name for the HorizontalPodAutoscaler that it makes. */
  static readonly autoscaler = `keda-hpa-${NAME}`;

  constructor(scope: Construct, id: string, options: LagScalerOptions) {
    super(scope, id);
    const { deployment, bootstrap, indexer, partitions, credentials } = options;
    if (credentials !== undefined) addAuthentication(this, credentials);
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
              ...(credentials === undefined ? {} : { sasl: 'scram_sha512', tls: 'enable' }),
            },
            ...(credentials === undefined ? {} : { authenticationRef: { name: NAME } }),
          },
        ],
      },
    });
  }
}

/** Strimzi's Secret has the password and not the user's name, so the name comes from a ConfigMap. */
const addAuthentication = (
  scope: Construct,
  { username, password, ca }: NonNullable<LagScalerOptions['credentials']>,
): void => {
  const user = new ConfigMap(scope, 'user', {
    metadata: { name: `${NAME}-scaler`, labels: labelsOf('indexer') },
    data: { username },
  });
  new CustomResource(scope, 'authentication', {
    apiVersion: API_VERSION,
    kind: 'TriggerAuthentication',
    name: NAME,
    component: 'indexer',
    spec: {
      configMapTargetRef: [{ parameter: 'username', name: user.name, key: 'username' }],
      secretTargetRef: [
        { parameter: 'password', name: password.secret, key: password.key },
        { parameter: 'ca', name: ca.secret, key: ca.key },
      ],
    },
  });
};
