import { describe, expect, it } from 'vitest';
import { find, manifestsOf, ofKind } from '../support/manifests.ts';
import { isAllowed, type Endpoint } from '../support/network.ts';
import { WITH_EXPORTER as production } from '../support/server-options.ts';

// Each in a namespace of its own, so that no rule for one opens the way for another.
const policies = ofKind(
  manifestsOf({ ...production, kedaNamespace: 'keda', ingress: { ...production.ingress, namespace: 'traefik' } }),
  'NetworkPolicy',
);

const component = (name: string): Endpoint => ({
  namespace: 'taskstream',
  labels: { 'app.kubernetes.io/name': `taskstream-${name}`, 'app.kubernetes.io/part-of': 'taskstream' },
});
const ends = {
  api: component('api'),
  indexer: component('indexer'),
  migrate: component('migrate'),
  secrets: component('secrets'),
  verify: component('verify'),
  reindex: component('reindex'),
  exporter: component('elasticsearch-exporter'),
  kafka: { namespace: 'taskstream', labels: { 'strimzi.io/cluster': 'taskstream' } },
  elasticsearch: {
    namespace: 'taskstream',
    labels: { 'elasticsearch.k8s.elastic.co/cluster-name': 'taskstream' },
  },
  postgres: { namespace: 'taskstream', labels: { 'cnpg.io/cluster': 'taskstream-db' } },
  ingress: { namespace: 'traefik', labels: {} },
  prometheus: { namespace: 'monitoring', labels: {} },
  keda: { namespace: 'keda', labels: {} },
  operators: { namespace: 'operators', labels: {} },
  dns: { namespace: 'kube-system', labels: {} },
  kubernetes: { namespace: 'default', labels: {}, address: '10.96.0.1' },
  kubernetesOnIPv6: { namespace: 'default', labels: {}, address: 'fd00:10:96::1' },
  stranger: { namespace: 'taskstream', labels: { app: 'stranger' } },
  outside: { namespace: 'elsewhere', labels: {}, address: '203.0.113.7' },
} as const satisfies Record<string, Endpoint>;
type End = keyof typeof ends;

const PORTS = {
  http: 9_234,
  apiHealth: 9_235,
  indexerHealth: 9_236,
  kafka: 9_093,
  replication: 9_091,
  search: 9_200,
  transport: 9_300,
  sql: 5_432,
  status: 8_000,
  kafkaMetrics: 9_404,
  postgresMetrics: 9_187,
  searchMetrics: 9_114,
  https: 443,
};

/** Every connection the product needs; what is not here must be closed. */
const CONNECTIONS: readonly [End, End, keyof typeof PORTS][] = [
  ['ingress', 'api', 'http'],
  ['prometheus', 'api', 'apiHealth'],
  ['prometheus', 'indexer', 'indexerHealth'],
  ['prometheus', 'kafka', 'kafkaMetrics'],
  ['prometheus', 'postgres', 'postgresMetrics'],
  ['prometheus', 'exporter', 'searchMetrics'],
  ['exporter', 'elasticsearch', 'search'],
  ['api', 'postgres', 'sql'],
  ['api', 'kafka', 'kafka'],
  ['api', 'elasticsearch', 'search'],
  ['indexer', 'kafka', 'kafka'],
  ['indexer', 'elasticsearch', 'search'],
  ['migrate', 'postgres', 'sql'],
  ['migrate', 'elasticsearch', 'search'],
  ['verify', 'postgres', 'sql'],
  ['verify', 'elasticsearch', 'search'],
  ['verify', 'kafka', 'kafka'],
  ['reindex', 'postgres', 'sql'],
  ['reindex', 'elasticsearch', 'search'],
  ['reindex', 'kafka', 'kafka'],
  ['secrets', 'kubernetes', 'https'],
  ['keda', 'kafka', 'kafka'],
  ['kafka', 'kafka', 'replication'],
  ['elasticsearch', 'elasticsearch', 'transport'],
  ['elasticsearch', 'elasticsearch', 'search'],
  ['postgres', 'postgres', 'sql'],
  ['postgres', 'postgres', 'status'],
  ['postgres', 'kubernetes', 'https'],
  ['kafka', 'kubernetes', 'https'],
  ['secrets', 'kubernetesOnIPv6', 'https'],
  ['postgres', 'kubernetesOnIPv6', 'https'],
  ['kafka', 'kubernetesOnIPv6', 'https'],
  ['operators', 'kafka', 'replication'],
  ['operators', 'elasticsearch', 'search'],
  ['operators', 'postgres', 'sql'],
  ['operators', 'postgres', 'status'],
];

it("Strimzi's own policy opens the brokers' port to nobody whom ours keep out", () => {
  const [listener] = find(manifestsOf('production'), 'Kafka', 'taskstream').spec.kafka.listeners as {
    port: number;
    networkPolicyPeers?: unknown[];
  }[];
  // What the operator makes of a listener: where no peers are named, everybody may connect.
  const from = listener?.networkPolicyPeers ?? [{ namespaceSelector: {} }];
  const own = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'taskstream-network-policy-kafka', namespace: 'taskstream' },
    spec: {
      podSelector: { matchLabels: { 'strimzi.io/cluster': 'taskstream' } },
      policyTypes: ['Ingress'],
      ingress: [{ from, ports: [{ protocol: 'TCP', port: listener?.port }] }],
    },
  };
  const opened = (Object.keys(ends) as End[]).filter((end) =>
    (['kafka', 'replication'] as const).some(
      (port) =>
        isAllowed([...policies, own], ends[end], ends.kafka, PORTS[port]) !==
        isAllowed(policies, ends[end], ends.kafka, PORTS[port]),
    ),
  );
  // The brokers themselves talk on another port.
  expect(opened.filter((end) => end !== 'kafka')).toEqual([]);
});

it("let Cruise Control ask the brokers and be asked by the operator, by the brokers' label, which its pod has", () => {
  const labels = { 'strimzi.io/cluster': 'taskstream', 'strimzi.io/name': 'taskstream-cruise-control' };
  const cruiseControl = { namespace: 'taskstream', labels };
  const api = 9_090;
  expect(isAllowed(policies, cruiseControl, ends.kafka, PORTS.replication)).toBe(true);
  expect(isAllowed(policies, ends.operators, cruiseControl, api)).toBe(true);
  expect(isAllowed(policies, cruiseControl, ends.dns, 53, 'UDP')).toBe(true);
  for (const end of ['api', 'keda', 'prometheus', 'stranger', 'outside'] as const) {
    expect(isAllowed(policies, ends[end], cruiseControl, api), end).toBe(false);
  }
});

describe('the network policies', () => {
  it.each(CONNECTIONS)('open %s → %s:%s', (from, to, port) => {
    expect(isAllowed(policies, ends[from], ends[to], PORTS[port])).toBe(true);
  });

  it('let every pod ask for names, and nobody else in', () => {
    for (const name of [
      'api',
      'indexer',
      'migrate',
      'verify',
      'reindex',
      'secrets',
      'exporter',
      'kafka',
      'elasticsearch',
      'postgres',
    ] as const) {
      expect(isAllowed(policies, ends[name], ends.dns, 53, 'UDP'), name).toBe(true);
      expect(isAllowed(policies, ends.stranger, ends[name], 53, 'UDP'), name).toBe(false);
    }
  });

  it('close everything else between any two ends', () => {
    const open = new Set(CONNECTIONS.map((connection) => connection.join(' ')));
    const ours = new Set<End>([
      'api',
      'indexer',
      'migrate',
      'verify',
      'reindex',
      'secrets',
      'exporter',
      'kafka',
      'elasticsearch',
      'postgres',
      'stranger',
    ]);
    const surplus = (Object.keys(ends) as End[])
      .flatMap((from) => (Object.keys(ends) as End[]).map((to) => [from, to] as const))
      // Between ends that are none of ours, other people's policies decide.
      .filter(([from, to]) => ours.has(from) || ours.has(to))
      .flatMap(([from, to]) => (Object.keys(PORTS) as (keyof typeof PORTS)[]).map((port) => [from, to, port] as const))
      .filter(([from, to, port]) => !open.has(`${from} ${to} ${port}`))
      .filter(([from, to, port]) => isAllowed(policies, ends[from], ends[to], PORTS[port]))
      .map((connection) => connection.join(' '));
    // The address of the Kubernetes API is not known to a manifest, so its port is open to any address.
    expect(surplus.sort()).toEqual(['kafka', 'postgres', 'secrets'].map((from) => `${from} outside https`));
  });
});
