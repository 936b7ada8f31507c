import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readApiConfig } from '../../services/api/config.ts';
import { readIndexerConfig } from '../../services/indexer/config.ts';
import { readMigrateConfig, readReindexConfig, readVerifyConfig } from '../../services/ops/env.ts';
import type { Environment } from '../../infra/environments/schema.ts';
import { kafkaWith, MANAGED, TOKENS } from '../support/managed-servers.ts';
import { manifestsOf, ofKind, podsOf, secretKeysOf, variablesOf, type Manifest } from '../support/manifests.ts';
import { isAllowed } from '../support/network.ts';

const environmentNamed = (wanted: string): Environment => {
  const found = MANAGED.find(([name]) => name === wanted);
  if (found === undefined) throw new Error(`there is no ${wanted}`);
  return found[1];
};
const podOf = (manifests: readonly Manifest[], component: string) => {
  const found = podsOf(manifests).find(({ pod }) => pod.metadata.labels['app.kubernetes.io/component'] === component);
  if (found === undefined) throw new Error(`there is no pod of ${component}`);
  return found.pod;
};
const envOf = (manifests: readonly Manifest[], component: string): Record<string, string> =>
  variablesOf(podOf(manifests, component));
const kindsOf = (manifests: readonly Manifest[]) => new Set(manifests.map(({ kind }) => kind));
const component = (name: string) => ({
  namespace: 'taskstream',
  labels: { 'app.kubernetes.io/name': `taskstream-${name}`, 'app.kubernetes.io/part-of': 'taskstream' },
});
const page = readFileSync('docs/managed-servers.md', 'utf8');

describe.each(MANAGED)('%s, managed', (_, environment) => {
  const manifests = manifestsOf(environment);
  const { kafka, elasticsearch, postgres } = environment.servers;

  it('gives every service a configuration that it accepts', () => {
    const readers = {
      api: readApiConfig,
      indexer: readIndexerConfig,
      migrate: readMigrateConfig,
      verify: readVerifyConfig,
      reindex: readReindexConfig,
    };
    for (const [name, read] of Object.entries(readers)) {
      expect(() => read(envOf(manifests, name)), name).not.toThrow();
    }
  });

  it('leaves out what the operator of a managed server would make, and nothing else', () => {
    const kinds = kindsOf(manifests);
    expect(kinds.has('Kafka')).toBe(kafka.kind === 'operated');
    expect(kinds.has('KafkaUser')).toBe(kafka.kind === 'operated');
    expect(kinds.has('Elasticsearch')).toBe(elasticsearch.kind === 'operated');
    expect(kinds.has('Cluster')).toBe(postgres.kind === 'operated');
    const names = ofKind(manifests, 'NetworkPolicy').map(({ metadata }) => metadata.name);
    for (const server of ['kafka', 'elasticsearch', 'postgres'] as const) {
      const isOperated = environment.servers[server].kind === 'operated';
      expect(names.includes(`taskstream-${server}`), server).toBe(isOperated);
    }
    // The only passwords that nobody else makes are those of an Elasticsearch with an operator.
    const jobs = ofKind(manifests, 'Job').map(({ metadata }) => metadata.name);
    expect(jobs.some((name) => name.startsWith('taskstream-secrets-'))).toBe(elasticsearch.kind === 'operated');
  });

  it('opens the way to it from the pods that use it, to no other port, and from no other pod', () => {
    const policies = ofKind(manifests, 'NetworkPolicy');
    const users = {
      kafka: ['api', 'indexer', 'verify', 'reindex'],
      elasticsearch: ['api', 'indexer', 'verify', 'reindex', 'migrate'],
      postgres: ['api', 'verify', 'reindex', 'migrate'],
    };
    const addresses: Readonly<Record<string, string>> = {
      '10.1.0.0/16': '10.1.2.3',
      '10.2.0.0/16': '10.2.2.3',
      '10.3.0.0/16': '10.3.0.1',
    };
    for (const [server, clients] of Object.entries(users)) {
      const settings = environment.servers[server as keyof typeof users];
      if (settings.kind === 'operated') continue;
      for (const cidr of settings.egress.cidrs) {
        const address = addresses[cidr] ?? (cidr.includes(':') ? 'fd00::7' : '10.4.0.7');
        const to = { namespace: 'elsewhere', labels: {}, address };
        for (const name of ['api', 'indexer', 'migrate', 'verify', 'reindex']) {
          const may = isAllowed(policies, component(name), to, settings.egress.port);
          expect(may, `${name} to ${server} at ${address}`).toBe(clients.includes(name));
          expect(isAllowed(policies, component(name), to, 22)).toBe(false);
        }
      }
    }
  });

  it('asks for Secrets that docs/managed-servers.md names, and mounts what it names', () => {
    const asked = podsOf(manifests).flatMap(({ pod }) => secretKeysOf(pod));
    for (const { name, key } of asked) {
      const generic = name.replace(/^(taskstream-(?:kafka|es))-(api|indexer|keda|ops)$/, '$1-CLIENT');
      if (generic !== name && !/password$/.test(key)) expect(page, `${generic} ${key}`).toContain(`\`${key}\``);
    }
    for (const { pod } of podsOf(manifests)) {
      const mounted = pod.spec.containers.flatMap(({ volumeMounts = [] }) => volumeMounts.map((mount) => mount.name));
      expect([...mounted].sort()).toEqual((pod.spec.volumes ?? []).map((volume) => volume.name).sort());
    }
  });
});

describe('a Kafka that wants tokens', () => {
  const manifests = manifestsOf(environmentNamed('Kafka with OAUTHBEARER by a CA of the token endpoint'));

  it('lets who connects to it reach the token endpoint, and nobody else', () => {
    const policies = ofKind(manifests, 'NetworkPolicy');
    const to = { namespace: 'elsewhere', labels: {}, address: '10.5.0.9' };
    const may = (name: string, port: number) => isAllowed(policies, component(name), to, port);
    for (const name of ['api', 'indexer', 'verify', 'reindex']) {
      expect([name, may(name, TOKENS.egress.port), may(name, 443)]).toEqual([name, true, false]);
    }
    expect(may('migrate', TOKENS.egress.port)).toBe(false);
  });

  it('checks the token endpoint by its own CA', () => {
    for (const name of ['api', 'indexer', 'verify', 'reindex']) {
      const file = envOf(manifests, name)['KAFKA_OAUTH_CA_FILE'] ?? '';
      const { containers, volumes = [] } = podOf(manifests, name).spec;
      const mount = containers[0]?.volumeMounts?.find(({ mountPath }) => file === `${mountPath}/ca.crt`);
      expect(volumes.find((volume) => volume.name === mount?.name)?.secret?.secretName, name).toBe('token-ca');
    }
    expect(envOf(manifests, 'migrate')).not.toHaveProperty('KAFKA_OAUTH_CA_FILE');
  });
});

it('a Kafka whose CA is being replaced is trusted by all CAs of its Secret, as one with an operator', () => {
  const manifests = manifestsOf(environmentNamed('Kafka with none and a CA'));
  for (const name of ['api', 'indexer', 'verify', 'reindex']) {
    const folder = envOf(manifests, name)['KAFKA_CA_FILE'];
    const { containers, volumes = [] } = podOf(manifests, name).spec;
    const mount = containers[0]?.volumeMounts?.find(({ mountPath }) => mountPath === folder);
    // Without items the kubelet makes a file of each key, and of those that come later.
    expect(volumes.find((volume) => volume.name === mount?.name)?.secret, name).toEqual({ secretName: 'kafka-ca' });
  }
});

it('a PostgreSQL with two users migrates as its owner and serves as the other', () => {
  const manifests = manifestsOf(environmentNamed('PostgreSQL'));
  const secretOf = (name: string) =>
    secretKeysOf(podOf(manifests, name))
      .filter(({ key }) => key === 'uri')
      .map((ref) => ref.name);
  expect(secretOf('migrate')).toEqual(['db-owner']);
  for (const name of ['api', 'verify', 'reindex']) expect(secretOf(name), name).toEqual(['db-service']);
});

describe('KEDA', () => {
  const scalerOf = (name: string) => {
    const manifests = manifestsOf(environmentNamed(name));
    const [trigger] = ofKind(manifests, 'ScaledObject')[0]?.spec.triggers as {
      metadata: Record<string, string>;
      authenticationRef?: { name: string };
    }[];
    const [authentication] = ofKind(manifests, 'TriggerAuthentication');
    const secrets = (authentication?.spec.secretTargetRef ?? []) as { parameter: string; name: string; key: string }[];
    return { trigger, secrets: secrets.map(({ parameter, name: secret, key }) => `${parameter}=${secret}/${key}`) };
  };

  it.each([
    [
      'Kafka with PLAIN',
      'plaintext',
      ['username=taskstream-kafka-keda/username', 'password=taskstream-kafka-keda/password'],
    ],
    [
      'Kafka with SCRAM-SHA-256',
      'scram_sha256',
      ['username=taskstream-kafka-keda/username', 'password=taskstream-kafka-keda/password'],
    ],
    ['Kafka with mTLS', undefined, ['cert=taskstream-kafka-keda/tls.crt', 'key=taskstream-kafka-keda/tls.key']],
    [
      'Kafka with OAUTHBEARER',
      'oauthbearer',
      ['username=taskstream-kafka-keda/client-id', 'password=taskstream-kafka-keda/client-secret'],
    ],
  ])('asks %s for the lag as a client of its own', (name, sasl, wanted) => {
    const { trigger, secrets } = scalerOf(name);
    expect(trigger?.metadata).toMatchObject({ bootstrapServers: kafkaWith('none').brokers, tls: 'enable' });
    expect(trigger?.metadata['sasl']).toBe(sasl);
    expect(trigger?.authenticationRef).toEqual({ name: 'taskstream-indexer' });
    expect(secrets).toEqual(wanted);
  });

  it('needs no login where the brokers ask for none, and a CA where there is one', () => {
    expect(scalerOf('Kafka with none').trigger).not.toHaveProperty('authenticationRef');
    expect(scalerOf('Kafka with none and a CA').secrets).toEqual(['ca=kafka-ca/ca.crt']);
  });
});
