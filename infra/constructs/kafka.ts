/** Kafka by Strimzi, API version kafka.strimzi.io/v1: cluster, node pools, topics, and users with their ACLs. */
import { Construct } from 'constructs';
import {
  DEAD_LETTER_TOPIC,
  GROUP_TIMES,
  INDEXER_GROUP,
  OPS_GROUP_PREFIX,
  TASKS_TOPIC,
  TOPICS,
  type TopicSpec,
} from '../../services/task/resources.ts';
import type { ConsumerSettings, Environment, NodePool, OperatedKafka } from '../environments/schema.ts';
import { caFolder, loginFiles, type Connection } from './connection.ts';
import { CustomResource, PART_OF } from './custom-resource.ts';
import { resourceRequirements } from './resource-requirements.ts';
import { apartOnHosts, evenlyOverZones } from './spread.ts';

const API_VERSION = 'kafka.strimzi.io/v1';
const CLUSTER = PART_OF;
const CLUSTER_LABEL = { 'strimzi.io/cluster': CLUSTER };
const TLS_PORT = 9_093;
/** Strimzi's own reporter, without those of each partition; the JVM's are always there. */
const METRICS = {
  type: 'strimziMetricsReporter',
  values: {
    allowList: ['kafka_controller_kafkacontroller.*', 'kafka_server_replicamanager.*', 'kafka_server_raft_metrics.*'],
  },
};

export type KafkaClient = 'api' | 'indexer' | 'keda' | 'ops';

export interface Acl {
  readonly type: 'topic' | 'group';
  readonly name: string;
  /** True for everything whose name begins with `name`. */
  readonly isPrefix?: true;
  readonly operations: readonly ('Read' | 'Write' | 'Describe')[];
}

/** What each client may do, and nothing else. An idempotent producer needs no right on the cluster (KIP-679). */
export const ACLS: Readonly<Record<KafkaClient, readonly Acl[]>> = {
  api: [{ type: 'topic', name: TASKS_TOPIC, operations: ['Write', 'Describe'] }],
  indexer: [
    { type: 'topic', name: TASKS_TOPIC, operations: ['Read', 'Describe'] },
    { type: 'group', name: INDEXER_GROUP, operations: ['Read', 'Describe'] },
    { type: 'topic', name: DEAD_LETTER_TOPIC, operations: ['Write', 'Describe'] },
  ],
  keda: [
    { type: 'topic', name: TASKS_TOPIC, operations: ['Describe'] },
    { type: 'group', name: INDEXER_GROUP, operations: ['Describe'] },
  ],
  // Reads everything, and writes to the topic what a person replays; the indexers' offsets it sees and cannot move.
  ops: [
    { type: 'topic', name: TASKS_TOPIC, operations: ['Read', 'Write', 'Describe'] },
    { type: 'topic', name: DEAD_LETTER_TOPIC, operations: ['Read', 'Describe'] },
    { type: 'group', name: INDEXER_GROUP, operations: ['Describe'] },
    { type: 'group', name: OPS_GROUP_PREFIX, isPrefix: true, operations: ['Read', 'Describe'] },
  ],
};

const CLIENTS = Object.keys(ACLS) as KafkaClient[];

/** What the API's console adds: it reads the topic and its dead letters, which it may replay, and asks about the group. */
const CONSOLE_ACLS: readonly Acl[] = [
  { type: 'topic', name: TASKS_TOPIC, operations: ['Read'] },
  { type: 'topic', name: DEAD_LETTER_TOPIC, operations: ['Read', 'Describe'] },
  { type: 'group', name: INDEXER_GROUP, operations: ['Describe'] },
];

export interface AclOptions {
  /** Whether the API serves its console. */
  readonly console: boolean;
}

export const aclsOf = (client: KafkaClient, options: AclOptions): readonly Acl[] =>
  client === 'api' && options.console ? [...ACLS.api, ...CONSOLE_ACLS] : ACLS[client];

export const userNameOf = (client: KafkaClient): string => `${PART_OF}-${client}`;

/**
 * What another team's consumer may do: read its topics, in groups of its own. The dot ends the name: no consumer's prefix
 * begins another's, or ours.
 */
export const consumerAclsOf = ({ name, topics }: Pick<ConsumerSettings, 'name' | 'topics'>): readonly Acl[] => [
  { type: 'group', name: `consumer.${name}.`, isPrefix: true, operations: ['Read', 'Describe'] },
  ...topics.map((topic): Acl => ({ type: 'topic', name: topic, operations: ['Read', 'Describe'] })),
];

export const consumerUserOf = (name: string): string => `${PART_OF}-consumer-${name}`;

export interface KafkaClusterOptions {
  readonly kafka: OperatedKafka;
  readonly topic: Environment['topic'];
  readonly namespace: string;
  readonly acls: AclOptions;
  readonly consumers: Environment['consumers'];
  readonly zoneLabel: Environment['zoneLabel'];
  /** Whether Prometheus looks. */
  readonly monitoring: boolean;
}

export class KafkaCluster extends Construct {
  /** Labels of the brokers' pods. */
  static readonly podLabels = CLUSTER_LABEL;
  /** Names of the pods, those of all node pools, as matchers of the label `pod`. */
  static readonly podMatchers = [`pod=~"${CLUSTER}-.+-[0-9]{1,3}"`, `pod!~"${CLUSTER}-(es|db)-.+"`] as const;
  static readonly port = TLS_PORT;
  /** As Strimzi names it, of each broker and controller. */
  static readonly metricsPort = { name: 'tcp-prometheus', number: 9_404 };
  /** Strimzi's listener for replication, and for its entity operator. */
  static readonly replicationPort = 9_091;
  /** Strimzi's name for the Secret with the CA of the brokers. */
  static readonly caSecret = `${CLUSTER}-cluster-ca-cert`;
  readonly bootstrap: string;

  constructor(scope: Construct, id: string, options: KafkaClusterOptions) {
    super(scope, id);
    const { kafka, topic, namespace, zoneLabel, monitoring } = options;
    this.bootstrap = `${CLUSTER}-kafka-bootstrap.${namespace}.svc:${TLS_PORT}`;
    new CustomResource(this, 'cluster', {
      apiVersion: API_VERSION,
      kind: 'Kafka',
      name: CLUSTER,
      component: 'kafka',
      isKept: true,
      spec: {
        kafka: {
          version: kafka.version,
          metadataVersion: kafka.metadataVersion,
          // Copies of a partition go to brokers in different zones. Strimzi asks for nodes that have the label, and reads it
          // in an init container with rights that its operator makes (a ClusterRoleBinding).
          ...(zoneLabel === undefined ? {} : { rack: { type: 'topology-label', topologyKey: zoneLabel } }),
          ...(monitoring ? { metricsConfig: METRICS } : {}),
          listeners: [
            {
              name: 'tls',
              port: TLS_PORT,
              type: 'internal',
              tls: true,
              authentication: { type: 'scram-sha-512' },
              // Without peers, Strimzi's own policy lets everybody in, whatever ours say (infra/charts/network.ts). With the
              // brokers as the only ones, ours decide.
              networkPolicyPeers: [{ podSelector: { matchLabels: CLUSTER_LABEL } }],
            },
          ],
          authorization: { type: 'simple' },
          config: {
            // A topic that nobody declared is a mistake in a name.
            'auto.create.topics.enable': false,
            'default.replication.factor': topic.replicas,
            'min.insync.replicas': topic.minInsyncReplicas,
            'offsets.topic.replication.factor': topic.replicas,
            'transaction.state.log.replication.factor': topic.replicas,
            'transaction.state.log.min.isr': topic.minInsyncReplicas,
            ...GROUP_TIMES,
          },
          // No template with a securityContext: it would replace the operator's whole, and with it the fsGroup that lets a
          // broker write to an ordinary volume. Strimzi's provider "restricted" (charts/operators) sets everything.
        },
        entityOperator: {
          topicOperator: { resources: resourceRequirements(kafka.entityOperator) },
          userOperator: { resources: resourceRequirements(kafka.entityOperator) },
        },
        // Its user is one of Strimzi's own, it makes its topics itself with the replication that is the default above, and its
        // pod has the label of the brokers, whose policy opens all that it needs.
        ...(kafka.cruiseControl === undefined
          ? {}
          : { cruiseControl: { resources: resourceRequirements(kafka.cruiseControl) } }),
      },
    });
    for (const pool of kafka.nodePools) addNodePool(this, pool, zoneLabel);
    addTopic(this, TASKS_TOPIC, { ...TOPICS.tasks, partitions: topic.partitions }, topic);
    addTopic(this, DEAD_LETTER_TOPIC, TOPICS.deadLetter, topic);
    for (const client of CLIENTS) addUser(this, client, userNameOf(client), aclsOf(client, options.acls));
    for (const consumer of options.consumers) {
      addUser(this, `consumer-${consumer.name}`, consumerUserOf(consumer.name), consumerAclsOf(consumer));
    }
  }

  connectionOf(client: KafkaClient): Connection {
    const user = userNameOf(client);
    // Strimzi's Secret of a SCRAM user has the user's name, and the key `password`.
    const login = loginFiles('kafka', { KAFKA_SASL_PASSWORD: { secret: user, key: 'password' } });
    return {
      env: {
        KAFKA_BROKERS: { value: this.bootstrap },
        KAFKA_TLS: { value: 'true' },
        KAFKA_CA_FILE: { value: caFolder('kafka') },
        KAFKA_SASL_MECHANISM: { value: 'SCRAM-SHA-512' },
        KAFKA_SASL_USERNAME: { value: user },
        ...login.env,
      },
      // While Strimzi replaces the CA's key, the one of before is in its Secret under another name.
      files: [{ secret: KafkaCluster.caSecret, path: caFolder('kafka') }, ...login.files],
      peer: { pods: CLUSTER_LABEL },
      port: TLS_PORT,
    };
  }
}

const addNodePool = (
  scope: Construct,
  { name, roles, replicas, volume, resources }: NodePool,
  zoneLabel: string | undefined,
): void => {
  const podLabels = { ...CLUSTER_LABEL, 'strimzi.io/pool-name': name };
  new CustomResource(scope, `pool-${name}`, {
    apiVersion: API_VERSION,
    kind: 'KafkaNodePool',
    name,
    component: 'kafka',
    labels: CLUSTER_LABEL,
    isKept: true,
    spec: {
      replicas,
      roles,
      storage: {
        type: 'jbod',
        volumes: [
          {
            id: 0,
            type: 'persistent-claim',
            size: volume.size,
            ...(volume.storageClass === undefined ? {} : { class: volume.storageClass }),
            // The volumes outlive Kafka and its pools; the cluster's id does not, which is in Kafka's status: made again,
            // Kafka has another, and refuses them. docs/runbooks/kafka-deleted.md brings both together.
            deleteClaim: false,
            kraftMetadata: 'shared',
          },
        ],
      },
      resources: resourceRequirements(resources),
      // Of what Strimzi says of its pods this replaces nothing: it has no affinity of its own, and adds that of the rack.
      template: { pod: { affinity: apartOnHosts(podLabels), ...evenlyOverZones(zoneLabel, podLabels) } },
    },
  });
};

/** A KafkaTopic that is deleted is a topic that is deleted: its operator carries it out, later too if it was away. */
const addTopic = (
  scope: Construct,
  name: string,
  spec: TopicSpec,
  { replicas, minInsyncReplicas }: Environment['topic'],
): void => {
  new CustomResource(scope, `topic-${name}`, {
    apiVersion: API_VERSION,
    kind: 'KafkaTopic',
    name,
    component: 'kafka',
    labels: CLUSTER_LABEL,
    isKept: true,
    spec: {
      topicName: name,
      partitions: spec.partitions,
      replicas,
      config: { ...spec.config, 'min.insync.replicas': String(minInsyncReplicas) },
    },
  });
};

const addUser = (scope: Construct, id: string, userName: string, acls: readonly Acl[]): void => {
  new CustomResource(scope, `user-${id}`, {
    apiVersion: API_VERSION,
    kind: 'KafkaUser',
    name: userName,
    component: 'kafka',
    labels: CLUSTER_LABEL,
    spec: {
      authentication: { type: 'scram-sha-512' },
      authorization: {
        type: 'simple',
        acls: acls.map(({ type, name, isPrefix, operations }) => ({
          resource: { type, name, patternType: isPrefix ? 'prefix' : 'literal' },
          operations,
        })),
      },
    },
  });
};
