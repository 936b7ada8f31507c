/** NetworkPolicies: everything in the namespace is closed, and each connection the product needs is opened by name. */
import { Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import { PORTS } from '../../services/task/resources.ts';
import type { Connection, Peer } from '../constructs/connection.ts';
import { ElasticsearchCluster } from '../constructs/elasticsearch.ts';
import { KafkaCluster } from '../constructs/kafka.ts';
import { selectorLabels } from '../constructs/labels.ts';
import { NetworkPolicy, type Rule } from '../constructs/network-policy.ts';
import { PostgresCluster } from '../constructs/postgres.ts';
import type { Environment, NetworkPolicySettings } from '../environments/schema.ts';
import { API } from './api.ts';
import type { Servers } from './data-plane.ts';
import { INDEXER } from './indexer.ts';
import { EXPORTER, EXPORTER_PORT } from './monitoring.ts';
import { REINDEX, reindexConnections } from './reindex.ts';
import { VERIFY, verifyConnections } from './verify.ts';

const dnsRule = ({ dnsCidrs }: NetworkPolicySettings): Rule => ({
  peers: [{ namespace: 'kube-system' }, ...(dnsCidrs === undefined ? [] : [{ cidrs: dnsCidrs }])],
  ports: [53],
  udpPorts: [53],
});
/** The Kubernetes API is no pod, and its address is the cluster's own affair. */
const kubernetesRule = ({ apiServerPort }: NetworkPolicySettings): Rule => ({
  peers: [{ cidrs: ['0.0.0.0/0', '::/0'] }],
  ports: [443, 6_443, ...(apiServerPort === undefined ? [] : [apiServerPort])],
});

/** Pods of a namespace: those with the labels, or all where there are none. */
const podsIn = (namespace: string, pods: Readonly<Record<string, string>> = {}): Peer =>
  Object.keys(pods).length === 0 ? { namespace } : { namespace, pods };

/** Names the consumer that a pod of another team belongs to. */
const CONSUMER_LABEL = 'taskstream-consumer';

/** A pod of ours that talks to servers: both ends of each connection are opened from here. */
interface Client {
  readonly component: string;
  readonly connections: readonly Connection[];
  readonly ingress: readonly Rule[];
  /** Beside its connections. */
  readonly egress?: readonly Rule[];
}

/** A rule for each way to name the collector, as each may be there without the other. */
const collectorRules = (otlp: Environment['otlp']): Rule[] => {
  if (otlp === undefined) return [];
  const { namespace, cidrs, port } = otlp.egress;
  return [
    ...(namespace === undefined ? [] : [{ peers: [{ namespace }], ports: [port] }]),
    ...(cidrs === undefined ? [] : [{ peers: [{ cidrs }], ports: [port] }]),
  ];
};

export class NetworkChart extends Chart {
  constructor(scope: Construct, id: string, environment: Environment, servers: Servers) {
    super(scope, id, { namespace: environment.namespace, disableResourceNameHashes: true });
    new NetworkPolicy(this, 'default-deny', {
      name: 'taskstream-default-deny',
      component: 'network',
      pods: {},
      ingress: [],
      egress: [],
    });
    const { networkPolicy } = environment;
    const dns = dnsRule(networkPolicy);
    const prometheus = podsIn(environment.monitoringNamespace, networkPolicy.monitoringPods);
    const metrics = (port: number): Rule[] =>
      environment.monitoring ? [{ peers: [prometheus], ports: [port] }] : [];
    const { oidc } = environment.auth;
    const collector = collectorRules(environment.otlp);
    const clients: readonly Client[] = [
      {
        component: API,
        connections: [servers.database, servers.kafka('api'), servers.search('api')],
        ingress: [
          { peers: [podsIn(environment.ingress.namespace, networkPolicy.ingressPods)], ports: [PORTS.api] },
          ...metrics(PORTS.apiHealth),
        ],
        egress: [
          ...(oidc === undefined ? [] : [{ peers: [{ cidrs: oidc.egress.cidrs }], ports: [oidc.egress.port] }]),
          ...collector,
        ],
      },
      {
        component: INDEXER,
        connections: [servers.kafka('indexer'), servers.search('indexer')],
        ingress: metrics(PORTS.indexerHealth),
        egress: collector,
      },
      { component: 'migrate', connections: [servers.migration, servers.search('ops')], ingress: [] },
      { component: REINDEX, connections: reindexConnections(servers), ingress: [] },
      { component: VERIFY, connections: verifyConnections(servers), ingress: [] },
      ...(servers.exporter === undefined
        ? []
        : [
            {
              component: EXPORTER,
              connections: [servers.exporter.connection],
              ingress: metrics(EXPORTER_PORT.number),
            },
          ]),
    ];
    for (const { component, connections, ingress, egress = [] } of clients) {
      this.#component(component, ingress, [
        ...[...connections, ...connections.flatMap(({ beside = [] }) => beside)].map(({ peer, port }) => ({
          peers: [peer],
          ports: [port],
        })),
        ...egress,
        dns,
      ]);
    }
    if (servers.passwords.length > 0) this.#component('secrets', [], [kubernetesRule(networkPolicy), dns]);
    this.#servers(environment, clients, metrics);
  }

  #component(component: string, ingress: readonly Rule[], egress: readonly Rule[]): void {
    const pods = selectorLabels(component);
    new NetworkPolicy(this, component, { name: `taskstream-${component}`, component, pods, ingress, egress });
  }

  /** The servers that have an operator: among themselves, with it, and with their clients. */
  #servers(environment: Environment, clients: readonly Client[], metrics: (port: number) => Rule[]): void {
    const { kedaNamespace, operatorsNamespace, networkPolicy, consumers, servers: settings } = environment;
    /** The pods that have a connection to the server with these labels. */
    const clientsOf = (labels: Readonly<Record<string, string>>) =>
      clients
        .filter(({ connections }) => connections.some(({ peer }) => 'pods' in peer && peer.pods === labels))
        .map(({ component }) => ({ pods: selectorLabels(component) }));
    for (const { name, namespace } of settings.kafka.kind === 'operated' ? consumers : []) {
      new NetworkPolicy(this, `consumer-${name}`, {
        name: `taskstream-consumer-${name}`,
        component: 'kafka',
        pods: KafkaCluster.podLabels,
        ingress: [{ peers: [{ namespace, pods: { [CONSUMER_LABEL]: name } }], ports: [KafkaCluster.port] }],
      });
    }
    const backup = settings.postgres.kind === 'operated' ? settings.postgres.backup : undefined;
    const servers = [
      {
        component: 'kafka',
        isOperated: settings.kafka.kind === 'operated',
        // The entity operator, whose pods have the same label, reads topics and users there.
        asksKubernetes: true,
        pods: KafkaCluster.podLabels,
        // Strimzi's own ports: control plane, replication, its agent; the entity operator uses replication too.
        internal: [9_090, KafkaCluster.replicationPort],
        clients: [{ peers: [...clientsOf(KafkaCluster.podLabels), podsIn(kedaNamespace, networkPolicy.kedaPods)], ports: [KafkaCluster.port] }, ...metrics(KafkaCluster.metricsPort.number)],
        operator: { peers: [podsIn(operatorsNamespace, networkPolicy.kafkaOperatorPods)], ports: [9_090, KafkaCluster.replicationPort, 8_443] },
      },
      {
        component: 'elasticsearch',
        isOperated: settings.elasticsearch.kind === 'operated',
        asksKubernetes: false,
        pods: ElasticsearchCluster.podLabels,
        internal: [ElasticsearchCluster.port, 9_300],
        clients: [{ peers: clientsOf(ElasticsearchCluster.podLabels), ports: [ElasticsearchCluster.port] }],
        operator: { peers: [podsIn(operatorsNamespace, networkPolicy.elasticsearchOperatorPods)], ports: [ElasticsearchCluster.port] },
      },
      {
        component: 'postgres',
        isOperated: settings.postgres.kind === 'operated',
        // The manager in each pod reads its Cluster there.
        asksKubernetes: true,
        pods: PostgresCluster.podLabels,
        internal: [PostgresCluster.port, 8_000],
        clients: [{ peers: clientsOf(PostgresCluster.podLabels), ports: [PostgresCluster.port] }, ...metrics(PostgresCluster.metricsPort.number)],
        operator: { peers: [podsIn(operatorsNamespace, networkPolicy.postgresOperatorPods)], ports: [PostgresCluster.port, 8_000] },
        egress: backup?.egress === undefined ? [] : [{ peers: [{ cidrs: backup.egress.cidrs }], ports: [backup.egress.port] }],
      },
    ];
    for (const { component, isOperated, asksKubernetes, pods, internal, clients, operator: rule, egress = [] } of servers) {
      if (!isOperated) continue;
      new NetworkPolicy(this, component, {
        name: `taskstream-${component}`,
        component,
        pods,
        ingress: [{ peers: [{ pods }], ports: internal }, ...clients, rule],
        egress: [{ peers: [{ pods }], ports: internal }, ...(asksKubernetes ? [kubernetesRule(networkPolicy)] : []), ...egress, dnsRule(networkPolicy)],
      });
    }
  }
}
