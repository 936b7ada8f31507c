import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { BESIDES_POOL } from '../../infra/environments/connections.ts';
import { environmentOf } from '../../infra/environments/index.ts';
import type { Environment } from '../../infra/environments/schema.ts';
import { readApiConfig } from '../../services/api/config.ts';
import { readIndexerConfig } from '../../services/indexer/config.ts';
import { readMigrateConfig, readReindexConfig, readVerifyConfig } from '../../services/ops/env.ts';
import { DEAD_LETTER_TOPIC, INDEXER_GROUP, PORTS, TASKS_TOPIC } from '../../services/task/resources.ts';
import { find, manifestsOf, ofKind, podsOf, secretKeysOf, variablesOf, type Manifest } from '../support/manifests.ts';
import { WITH_CRUISE_CONTROL } from '../support/server-options.ts';

it('the brokers give a dead indexer the time that it has itself, whoever shares the partitions out', () => {
  const config = find(manifestsOf(environmentOf('production')), 'Kafka', 'taskstream').spec.kafka.config as object;
  const { SESSION_TIMEOUT_MS } = readIndexerConfig({ KAFKA_BROKERS: 'kafka:9092', ELASTICSEARCH_URL: 'http://search' });
  expect(config).toMatchObject({ 'group.consumer.session.timeout.ms': SESSION_TIMEOUT_MS });
});

/** Keys of the Secrets that operators make; the cluster tests compare them with the real ones. */
const OPERATOR_SECRETS: Readonly<Record<string, readonly string[]>> = {
  // CloudNativePG
  'taskstream-db-app': ['uri', 'username', 'password', 'host', 'port', 'dbname'],
  'taskstream-db-ca': ['ca.crt', 'ca.key'],
  // ECK
  'taskstream-es-http-certs-public': ['ca.crt', 'tls.crt'],
  // Strimzi: the cluster's CA, and a Secret for each SCRAM user
  'taskstream-cluster-ca-cert': ['ca.crt', 'ca.p12', 'ca.password'],
  'taskstream-api': ['password', 'sasl.jaas.config'],
  'taskstream-indexer': ['password', 'sasl.jaas.config'],
  'taskstream-keda': ['password', 'sasl.jaas.config'],
  'taskstream-ops': ['password', 'sasl.jaas.config'],
};

/**
 * What operators give their pods when nothing is said; a securityContext in a template replaces it whole.
 * Without fsGroup, only volumes that anyone may write to work (Strimzi 1.2: BaselinePodSecurityProvider and
 * RestrictedPodSecurityProvider; ECK 3.2: nodespec/podspec.go and securitycontext.go).
 */
const RESTRICTED = { allowPrivilegeEscalation: false, runAsNonRoot: true, capabilities: { drop: ['ALL'] } };
const OPERATOR_SECURITY: Readonly<Record<string, { readonly pod: object; readonly container: object }>> = {
  Kafka: { pod: { fsGroup: 0 }, container: RESTRICTED },
  KafkaNodePool: { pod: { fsGroup: 0 }, container: RESTRICTED },
  Elasticsearch: { pod: { fsGroup: 1_000 }, container: { ...RESTRICTED, privileged: false } },
};

describe.each(['local', 'lab', 'production'])('the manifests of %s', (name) => {
  const environment = environmentOf(name);
  const manifests = manifestsOf(name);

  it('open no more connections than PostgreSQL takes, at the worst moment', () => {
    const poolSizeOf = (owner: string): number => {
      const containers = podsOf(manifests).find((each) => each.name === owner)?.pod.spec.containers;
      return Number(containers?.[0]?.env?.find((each) => each.name === 'DATABASE_POOL_SIZE')?.value);
    };
    const { maxReplicas } = find(manifests, 'HorizontalPodAutoscaler', 'taskstream-api').spec as {
      maxReplicas: number;
    };
    const cluster = ofKind(manifests, 'Cluster')[0]?.spec.postgresql.parameters.max_connections as string | undefined;
    const {
      servers,
      api: { relayLanes },
    } = environment;
    const most = Number(cluster ?? servers.postgres.maxConnections);
    const api = (maxReplicas + 2) * (poolSizeOf('taskstream-api') + BESIDES_POOL);
    const jobs = 2 * (poolSizeOf('taskstream-verify') + poolSizeOf('taskstream-reindex') + 4);
    // PostgreSQL keeps three for superusers; the operator and people need some.
    expect(api + relayLanes + jobs + 3 + 10).toBeLessThanOrEqual(most);
  });

  it('give every pod what Pod Security "restricted" asks for, no token, and a read-only root', () => {
    const pods = podsOf(manifests);
    expect(pods.length).toBeGreaterThanOrEqual(3);
    for (const { name: owner, pod } of pods) {
      expect(pod.spec.securityContext, owner).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect(pod.spec.automountServiceAccountToken, owner).toBe(owner.startsWith('taskstream-secrets-'));
      for (const { securityContext, resources } of pod.spec.containers) {
        expect(securityContext, owner).toMatchObject({
          runAsNonRoot: true,
          runAsUser: 65_532,
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
          privileged: false,
          capabilities: { drop: ['ALL'] },
        });
        expect(Object.keys(resources.requests).sort(), owner).toEqual(['cpu', 'memory']);
        expect(resources.limits['memory'], owner).toBe(resources.requests['memory']);
      }
    }
  });

  it('run no service as process 1, which its own watchdog could not kill', () => {
    const deployments = ofKind(manifests, 'Deployment');
    expect(deployments.length).toBeGreaterThanOrEqual(2);
    for (const { metadata, spec } of deployments) {
      expect(spec.template.spec.shareProcessNamespace, metadata.name).toBe(true);
    }
  });

  it('give every service a configuration that it accepts', () => {
    const readers = {
      api: readApiConfig,
      indexer: readIndexerConfig,
      migrate: readMigrateConfig,
      verify: readVerifyConfig,
      reindex: readReindexConfig,
    };
    for (const [component, read] of Object.entries(readers)) {
      const pod = podsOf(manifests).find(
        ({ pod: { metadata } }) => metadata.labels['app.kubernetes.io/component'] === component,
      );
      expect(() => read(variablesOf(pod?.pod)), component).not.toThrow();
    }
  });

  it('refer to no Secret key, account, ConfigMap or selector that nobody makes', () => {
    const own = Object.fromEntries(
      ofKind(manifests, 'Secret').map(({ metadata, stringData }) => [
        metadata.name,
        [...Object.keys(stringData ?? {}), ...passwordKeys(metadata.name)],
      ]),
    );
    const { postgres } = environment.servers;
    const external = postgres.kind === 'managed' ? { [postgres.serviceSecret]: ['uri'] } : OPERATOR_SECRETS;
    const known: Readonly<Record<string, readonly string[]>> = { ...external, ...own };
    const accounts = ofKind(manifests, 'ServiceAccount').map(({ metadata }) => metadata.name);
    for (const { name: owner, pod } of podsOf(manifests)) {
      for (const { name: secret, key } of secretKeysOf(pod))
        expect(known[secret], `${owner}: ${secret}`).toContain(key);
      expect(accounts, owner).toContain(pod.spec.serviceAccountName);
      const mounted = pod.spec.containers.flatMap(({ volumeMounts = [] }) => volumeMounts.map((mount) => mount.name));
      expect(mounted.sort()).toEqual((pod.spec.volumes ?? []).map((volume) => volume.name).sort());
    }
    for (const { spec } of ofKind(manifests, 'TriggerAuthentication')) {
      for (const ref of spec.secretTargetRef as { name: string; key: string }[])
        expect(known[ref.name]).toContain(ref.key);
      for (const ref of spec.configMapTargetRef as { name: string; key: string }[]) {
        expect(find(manifests, 'ConfigMap', ref.name).data).toHaveProperty(ref.key);
      }
    }
    const labels = podsOf(manifests).map(({ pod }) => pod.metadata.labels);
    const selectors = [
      ...ofKind(manifests, 'Service').map(({ spec }) => spec.selector as Record<string, string>),
      ...ofKind(manifests, 'PodDisruptionBudget').map(
        ({ spec }) => spec.selector.matchLabels as Record<string, string>,
      ),
      ...ofKind(manifests, 'Deployment').map(({ spec }) => spec.selector.matchLabels as Record<string, string>),
    ];
    for (const selector of selectors) {
      const selected = labels.filter((set) => Object.entries(selector).every(([label, value]) => set[label] === value));
      expect(selected, JSON.stringify(selector)).toHaveLength(1);
    }
    for (const { roleRef, subjects } of ofKind(manifests, 'RoleBinding')) {
      find(manifests, 'Role', roleRef.name as string);
      for (const subject of subjects as { name: string; namespace: string }[]) {
        expect(accounts).toContain(subject.name);
        expect(subject.namespace).toBe(environment.namespace);
      }
    }
  });

  it('have one number of partitions: of the topic, and of the most indexers', () => {
    const { spec } = find(manifests, 'ScaledObject', 'taskstream-indexer');
    expect(spec.maxReplicaCount).toBe(environment.topic.partitions);
    if (environment.servers.kafka.kind === 'operated') {
      expect(find(manifests, 'KafkaTopic', TASKS_TOPIC).spec.partitions).toBe(environment.topic.partitions);
    }
    expect(spec.triggers[0].metadata).toMatchObject({
      topic: TASKS_TOPIC,
      consumerGroup: INDEXER_GROUP,
      offsetResetPolicy: 'earliest',
    });
  });

  it('compare the stores in a CronJob that never runs beside itself, and that nobody waits for', () => {
    const { spec } = find(manifests, 'CronJob', 'taskstream-verify');
    expect(spec).toMatchObject({
      schedule: environment.verify.schedule,
      suspend: environment.verify.suspend,
      concurrencyPolicy: 'Forbid',
      timeZone: 'Etc/UTC',
    });
    // `ops wait` and `ops status` find Jobs by their labels: drift does not mean that the product is not ready.
    expect(spec.jobTemplate).not.toHaveProperty('metadata.labels');
    // The exit code is an answer: another attempt would give the same.
    expect(spec.jobTemplate.spec).toMatchObject({ backoffLimit: 0, template: { spec: { restartPolicy: 'Never' } } });
  });

  it('have a reindex ready that runs only when a person asks, with the settings of the index', () => {
    const { spec } = find(manifests, 'CronJob', 'taskstream-reindex');
    expect(spec).toMatchObject({ suspend: true, concurrencyPolicy: 'Forbid' });
    const { containers } = spec.jobTemplate.spec.template.spec;
    expect(containers[0].args).toEqual(['services/ops/main.js', 'reindex']);
    expect(containers[0].env).toEqual(
      expect.arrayContaining([
        { name: 'INDEX_SHARDS', value: String(environment.index.shards) },
        { name: 'INDEX_REPLICAS', value: String(environment.index.replicas) },
      ]),
    );
  });

  it('replace no security default of an operator that they do not restate', () => {
    const contexts = manifests.flatMap(({ kind, spec }) =>
      securityContextsIn(spec).flatMap(({ isPod, context }) => {
        const defaults = OPERATOR_SECURITY[kind];
        return defaults === undefined ? [] : [{ kind, context, wanted: isPod ? defaults.pod : defaults.container }];
      }),
    );
    for (const { kind, context, wanted } of contexts) expect(context, kind).toMatchObject(wanted);
    // ECK has no seccomp profile of its own, which "restricted" asks for.
    const hasOperators = environment.servers.elasticsearch.kind === 'operated';
    expect(contexts.map(({ kind, context }) => [kind, context['seccompProfile']])).toEqual(
      hasOperators ? [['Elasticsearch', { type: 'RuntimeDefault' }]] : [],
    );
  });

  it('let no tool delete by itself what holds data, and the namespace around it', () => {
    const isKept = ({ metadata: { annotations = {} } }: Manifest) =>
      annotations['helm.sh/resource-policy'] === 'keep' &&
      annotations['argocd.argoproj.io/sync-options'] === 'Prune=false,Delete=false' &&
      annotations['kustomize.toolkit.fluxcd.io/prune'] === 'disabled';
    const servers = ['Cluster', 'Elasticsearch', 'Kafka', 'KafkaNodePool', 'KafkaTopic'];
    expect([...new Set(manifests.filter(isKept).map(({ kind }) => kind))].sort()).toEqual(
      environment.servers.kafka.kind === 'operated' ? [...servers, 'Namespace'].sort() : ['Namespace'],
    );
    expect(manifests.filter(({ kind }) => [...servers, 'Namespace'].includes(kind)).every(isKept)).toBe(true);
  });

  it('leave the number of pods to the autoscalers', () => {
    for (const { spec } of ofKind(manifests, 'Deployment')) expect(spec).not.toHaveProperty('replicas');
  });

  it('give a stop more time than it takes', () => {
    for (const { name: owner, kind, pod } of podsOf(manifests)) {
      if (kind !== 'Deployment') continue;
      const [container] = pod.spec.containers;
      const deadlineSeconds =
        Number(container?.env?.find(({ name: variable }) => variable === 'SHUTDOWN_DEADLINE_MS')?.value) / 1_000;
      expect(pod.spec.terminationGracePeriodSeconds, owner).toBeGreaterThan(deadlineSeconds);
    }
  });

  it('keep health and metrics off the Service and the Ingress', () => {
    const ports = ofKind(manifests, 'Service').flatMap(({ spec }) => spec.ports as { targetPort: number }[]);
    expect(ports.map(({ targetPort }) => targetPort)).toEqual([PORTS.api]);
  });

  it('carry no trace of construct paths, which would change with a rename', () => {
    expect(stringify(manifests)).not.toContain('cdk8s.io/');
  });
});

describe('production', () => {
  const manifests = manifestsOf('production');

  it('keeps three copies of every event and acknowledges two', () => {
    for (const topic of [TASKS_TOPIC, DEAD_LETTER_TOPIC]) {
      const { spec } = find(manifests, 'KafkaTopic', topic);
      expect([spec.replicas, spec.config['min.insync.replicas']]).toEqual([3, '2']);
    }
    const { kafka } = find(manifests, 'Kafka', 'taskstream').spec;
    expect(kafka.config).toMatchObject({ 'min.insync.replicas': 2, 'offsets.topic.replication.factor': 3 });
    expect(find(manifests, 'Cluster', 'taskstream-db').spec).toMatchObject({
      instances: 3,
      enableSuperuserAccess: false,
    });
    expect(find(manifests, 'Elasticsearch', 'taskstream').spec.nodeSets[0].count).toBe(3);
  });

  it('has a standby confirm each commit, and lets none take over that may lack one', () => {
    expect(find(manifests, 'Cluster', 'taskstream-db').spec.postgresql.synchronous).toEqual({
      method: 'any',
      number: 1,
      dataDurability: 'required',
      failoverQuorum: true,
    });
    // Alone, an instance would wait for nobody.
    expect(find(manifestsOf('local'), 'Cluster', 'taskstream-db').spec.postgresql).not.toHaveProperty('synchronous');
  });

  it('ends an instance that stands still, and waits less for clients that never leave than for its log to be safe', () => {
    const { DATABASE_STATEMENT_TIMEOUT_MS } = readApiConfig({
      AUTH: 'none',
      DATABASE_URL: 'postgresql://db/taskstream',
      KAFKA_BROKERS: 'kafka:9092',
      ELASTICSEARCH_URL: 'http://search',
    });
    for (const environment of ['local', 'production']) {
      const { smartShutdownTimeout, stopDelay } = find(manifestsOf(environment), 'Cluster', 'taskstream-db').spec;
      // Longer than a statement of the services may take, and 15 s at least for all else (CloudNativePG, "Shutdown control").
      expect(smartShutdownTimeout * 1_000).toBeGreaterThan(DATABASE_STATEMENT_TIMEOUT_MS);
      expect(stopDelay).toBeGreaterThanOrEqual(Number(smartShutdownTimeout) + 15);
      expect(stopDelay).toBeLessThan(1_800);
    }
  });

  it('gives every volume its size and class, and the write-ahead log one of its own where the environment says so', () => {
    const environment = structuredClone(environmentOf('production'));
    const { kafka, elasticsearch, postgres } = environment.servers;
    if (kafka.kind !== 'operated' || elasticsearch.kind !== 'operated' || postgres.kind !== 'operated') {
      throw new Error('production has servers of its own');
    }
    for (const { volume } of [...kafka.nodePools, elasticsearch, postgres]) volume.storageClass = 'fast.example.com';
    postgres.walVolume = { size: '20Gi', storageClass: 'faster' };
    const changed = manifestsOf(environment);
    for (const { spec } of ofKind(changed, 'KafkaNodePool')) {
      expect(spec.storage.volumes).toMatchObject([{ class: 'fast.example.com', deleteClaim: false }]);
    }
    const [nodes] = find(changed, 'Elasticsearch', 'taskstream').spec.nodeSets as { volumeClaimTemplates: unknown }[];
    expect(nodes?.volumeClaimTemplates).toMatchObject([{ spec: { storageClassName: 'fast.example.com' } }]);
    expect(find(changed, 'Cluster', 'taskstream-db').spec).toMatchObject({
      storage: { size: '50Gi', storageClass: 'fast.example.com', resizeInUseVolumes: true },
      walStorage: { size: '20Gi', storageClass: 'faster', resizeInUseVolumes: true },
    });
    expect(find(manifests, 'Cluster', 'taskstream-db').spec).not.toHaveProperty('walStorage');
  });

  it('never has two brokers, or two controllers, on one host, and spreads each over the zones', () => {
    for (const { metadata, spec } of ofKind(manifests, 'KafkaNodePool')) {
      // Labels that Strimzi gives each pod of a pool.
      expectApart(spec.template.pod, { 'strimzi.io/cluster': 'taskstream', 'strimzi.io/pool-name': metadata.name });
    }
  });

  it('never has two nodes of Elasticsearch on one host, and copies of a shard in different zones', () => {
    const { metadata, spec } = find(manifests, 'Elasticsearch', 'taskstream');
    const [{ podTemplate, config }] = spec.nodeSets as [{ podTemplate: { spec: any }; config: object }];
    expectApart(podTemplate.spec, { 'elasticsearch.k8s.elastic.co/cluster-name': 'taskstream' });
    // The label of the host comes to the pod's annotations, from there to its environment, and from there to the node.
    expect(metadata.annotations).toMatchObject({
      'eck.k8s.elastic.co/downward-node-labels': 'topology.kubernetes.io/zone',
    });
    expect(podTemplate.spec.containers[0].env).toEqual([
      { name: 'ZONE', valueFrom: { fieldRef: { fieldPath: "metadata.annotations['topology.kubernetes.io/zone']" } } },
    ]);
    expect(config).toMatchObject({
      'node.attr.zone': '${ZONE}',
      'cluster.routing.allocation.awareness.attributes': 'k8s_node_name,zone',
    });
  });

  it('never has two instances of PostgreSQL on one host, nor volumes of theirs in a zone where they cannot run', () => {
    const { affinity, topologySpreadConstraints } = find(manifests, 'Cluster', 'taskstream-db').spec;
    expect(affinity).toEqual({
      enablePodAntiAffinity: true,
      topologyKey: 'kubernetes.io/hostname',
      podAntiAffinityType: 'required',
    });
    // A label of instances and of the Jobs that fill a volume: with one of instances alone, a Job is held by nothing.
    expect(topologySpreadConstraints).toMatchObject([
      { whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { 'cnpg.io/cluster': 'taskstream-db' } } },
    ]);
  });

  it('puts copies of a partition into different zones, with versions of Kafka that an upgraded operator leaves alone', () => {
    const { rack, version, metadataVersion } = find(manifests, 'Kafka', 'taskstream').spec.kafka;
    expect(rack).toEqual({ type: 'topology-label', topologyKey: 'topology.kubernetes.io/zone' });
    expect([version, metadataVersion]).toEqual(['4.3.1', '4.3-IV0']);
  });

  it('has Cruise Control where the environment says so, and its brokers restart for nothing where it does not', () => {
    const kafkaOf = (environment: Environment) => find(manifestsOf(environment), 'Kafka', 'taskstream').spec as object;
    const { cruiseControl, ...rest } = kafkaOf(WITH_CRUISE_CONTROL) as { cruiseControl?: object };
    expect(cruiseControl).toEqual({
      resources: { requests: { cpu: '100m', memory: '1Gi' }, limits: { cpu: '2', memory: '1Gi' } },
    });
    expect(kafkaOf(environmentOf('production'))).toEqual(rest);
  });

  it('asks for no zones where the environment has none', () => {
    const environment = structuredClone(environmentOf('production'));
    delete environment.zoneLabel;
    expect(stringify(manifests)).toContain('topologyKey: topology.kubernetes.io/zone');
    const servers = ['Kafka', 'KafkaNodePool', 'Elasticsearch', 'Cluster'];
    for (const { kind, metadata, spec } of manifestsOf(environment)) {
      if (servers.includes(kind)) expect(stringify([metadata, spec]), kind).not.toMatch(/zone|rack|downward/i);
    }
  });

  it('has brokers apart from controllers', () => {
    const roles = ofKind(manifests, 'KafkaNodePool').map(({ spec }) => [
      spec.roles as string[],
      spec.replicas as number,
    ]);
    expect(roles).toEqual([
      [['controller'], 3],
      [['broker'], 3],
    ]);
  });

  it('talks to every server with TLS and a user of its own', () => {
    for (const component of ['api', 'indexer']) {
      const pod = podsOf(manifests).find(({ name }) => name === `taskstream-${component}`);
      expect(variablesOf(pod?.pod)).toMatchObject({
        KAFKA_TLS: 'true',
        KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
        KAFKA_SASL_USERNAME: `taskstream-${component}`,
        ELASTICSEARCH_USERNAME: `taskstream-${component}`,
        ELASTICSEARCH_URL: expect.stringMatching(/^https:/) as string,
        ...(component === 'api' ? { DATABASE_TLS: 'verify-full' } : {}),
      });
    }
    const [listener] = find(manifests, 'Kafka', 'taskstream').spec.kafka.listeners as Record<string, unknown>[];
    expect(listener).toMatchObject({ tls: true, authentication: { type: 'scram-sha-512' } });
  });

  it('mounts no superuser', () => {
    const secrets = podsOf(manifests).flatMap(({ pod }) => secretKeysOf(pod).map(({ name }) => name));
    expect(secrets.filter((name) => /elastic-user|superuser/.test(name))).toEqual([]);
  });

  it('lets the job for passwords touch those Secrets only', () => {
    const { rules } = find(manifests, 'Role', 'taskstream-secrets') as unknown as {
      rules: { resourceNames?: string[]; verbs: string[]; resources: string[] }[];
    };
    expect(rules.flatMap(({ resourceNames = [] }) => resourceNames)).toEqual([
      'taskstream-es-api',
      'taskstream-es-indexer',
      'taskstream-es-ops',
    ]);
    for (const { verbs, resources, resourceNames } of rules) {
      expect([verbs, resources, resourceNames?.length]).toEqual([['get', 'patch'], ['secrets'], 1]);
    }
  });
});

/** @param pod what a template says of a pod with these labels */
const expectApart = (pod: unknown, labels: Readonly<Record<string, string>>): void => {
  const labelSelector = { matchLabels: labels };
  expect(pod).toMatchObject({
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'kubernetes.io/hostname', labelSelector }],
      },
    },
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector },
    ],
  });
};

interface FoundContext {
  /** Of a pod as a whole, or of one container. */
  readonly isPod: boolean;
  readonly context: Readonly<Record<string, unknown>>;
}

/** Every securityContext at any depth: an item of a list of containers has one of a container. */
const securityContextsIn = (value: unknown, isPod = true): FoundContext[] => {
  if (Array.isArray(value)) return value.flatMap((item) => securityContextsIn(item, isPod));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'securityContext'
      ? [{ isPod, context: inner as FoundContext['context'] }]
      : securityContextsIn(inner, isPod && !/container/i.test(key)),
  );
};

/** What `ops secrets` adds to a Secret, as the job's arguments say. */
const passwordKeys = (secret: string): string[] =>
  podsOf(manifestsOf('production'))
    .filter(({ name }) => name.startsWith('taskstream-secrets-'))
    .flatMap(({ pod }) => (pod.spec.containers[0] as unknown as { args: string[] }).args)
    .map((argument) => argument.split('/'))
    .filter(([name]) => name === secret)
    .map(([, key]) => key ?? '');
