import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { environmentOf } from '../../infra/environments/index.ts';
import { MEMORY_SETTINGS } from '../../infra/environments/postgres-memory.ts';
import { parseEnvironment } from '../../infra/environments/schema.ts';

const change = (edit: (environment: any) => void): unknown => {
  const copy: unknown = structuredClone(environmentOf('production'));
  edit(copy);
  return copy;
};

describe('settings that cannot be used are refused by name', () => {
  it.each<[string, (environment: any) => void, RegExp]>([
    ['no partitions', (e) => (e.topic.partitions = 0), /topic\.partitions: must be at least 1/],
    ['half a partition', (e) => (e.topic.partitions = 1.5), /topic\.partitions: must be a whole number/],
    [
      'a host with a scheme',
      (e) => (e.ingress.host = 'https://tasks.example.com'),
      /ingress\.host: must be a host name/,
    ],
    ['a host with a capital', (e) => (e.ingress.host = 'Tasks.example.com'), /ingress\.host: must be a host name/],
    [
      'more indexers than partitions',
      (e) => (e.indexer.minReplicas = 13),
      /indexer\.minReplicas: .*topic\.partitions, which is 12/,
    ],
    [
      'a minimum above the maximum',
      (e) => (e.api.minReplicas = 20),
      /api\.minReplicas: .*api\.maxReplicas, which is 12/,
    ],
    [
      'a Kafka of no version',
      (e) => (e.servers.kafka.version = '4.3'),
      /servers\.kafka\.version: must be a version such/,
    ],
    [
      'a label with a colon',
      (e) => (e.zoneLabel = 'zone: a'),
      /zoneLabel: must be the name of a label such as topology/,
    ],
    ['an unknown key', (e) => (e.api.replica = 3), /api: Unrecognized key: "replica"/],
    ['more copies than brokers', (e) => (e.topic.replicas = 4), /topic\.replicas: .*number of brokers, which is 3/],
    ['no broker to spare', (e) => (e.topic.minInsyncReplicas = 3), /topic\.minInsyncReplicas: .*may ever restart/],
    [
      'Cruise Control beside one broker',
      (e) => {
        e.servers.kafka.cruiseControl = { cpuRequest: '100m', memory: '1Gi' };
        e.servers.kafka.nodePools[1].replicas = 1;
        e.topic.replicas = e.topic.minInsyncReplicas = 1;
      },
      /servers\.kafka\.cruiseControl: needs two brokers or more/,
    ],
    ['an even quorum', (e) => (e.servers.kafka.nodePools[0].replicas = 2), /odd number of controllers, not 2/],
    [
      'an image without a tag',
      (e) => (e.images.api = 'registry.example.com/api'),
      /images\.api: must be an image with a tag/,
    ],
    [
      'copies without nodes',
      (e) => (e.index.replicas = 3),
      /index\.replicas: must be below the number of nodes, which is 3/,
    ],
    [
      'more connections than PostgreSQL takes',
      (e) => (e.api.maxReplicas = 13),
      /servers\.postgres\.maxConnections: must be at least 263: \(13 \+ 2 replicas of the API\) x \(12 \+ 3 connections\) \+ 1 for active relays \+ 37 for jobs/,
    ],
    [
      'larger pools than PostgreSQL takes',
      (e) => (e.api.databasePoolSize = 13),
      /servers\.postgres\.maxConnections: must be at least 262/,
    ],
    [
      'more connections than a PostgreSQL elsewhere takes',
      (e) => (e.servers.postgres = { ...environmentOf('lab').servers.postgres, maxConnections: 247 }),
      /servers\.postgres\.maxConnections: must be at least 248/,
    ],
    [
      'a password without TLS',
      (e) => (e.servers.kafka = { ...environmentOf('lab').servers.kafka, login: 'PLAIN' }),
      /servers\.kafka\.tls: must be true with the login PLAIN/,
    ],
    [
      'tokens of nobody',
      (e) => (e.servers.kafka = { ...environmentOf('lab').servers.kafka, tls: true, login: 'OAUTHBEARER' }),
      /servers\.kafka\.oauth: must be given with the login OAUTHBEARER/,
    ],
    ['nobody who says who may call', (e) => delete e.auth, /auth: /],
    ['a login without an issuer', (e) => delete e.auth.oidc, /auth\.oidc: must be given with/],
    [
      'a CA for no certificate',
      (e) => {
        for (const server of ['kafka', 'elasticsearch', 'postgres'] as const) {
          e.servers[server] = { ...environmentOf('lab').servers[server], caSecret: 'ca' };
        }
      },
      /servers\.kafka\.caSecret[^]*servers\.elasticsearch\.caSecret[^]*servers\.postgres\.caSecret/,
    ],
    [
      'a broker without a port',
      (e) => (e.servers.kafka = { ...environmentOf('lab').servers.kafka, brokers: 'b-1.example.com' }),
      /servers\.kafka\.brokers: must be host:port pairs/,
    ],
    [
      'a name for a range of addresses',
      (e) =>
        (e.servers.postgres = {
          ...environmentOf('lab').servers.postgres,
          egress: { cidrs: ['db.example.com'], port: 5_432 },
        }),
      /servers\.postgres\.egress\.cidrs\.0: must be a range of addresses/,
    ],
    ...Object.entries(MEMORY_SETTINGS).flatMap(([name, { least, most }]) => {
      const message = new RegExp(`memory\\.${name}: must be a size of PostgreSQL from ${least} to ${most},`);
      return ['0MB', '1TB', '512', '7kB', '16384GB', `${'9'.repeat(20)}kB`].map(
        (size): [string, (environment: any) => void, RegExp] => [
          `${size} of ${name}`,
          (e) => (e.servers.postgres.memory[name] = size),
          message,
        ],
      );
    }),
    ['cores for memory', (e) => (e.api.resources.memory = '500m'), /api\.resources\.memory: must be a size/],
    ['a size for cores', (e) => (e.api.resources.cpuRequest = '1Gi'), /cpuRequest: must be a number of cores/],
    [
      'a size without a unit',
      (e) => (e.servers.postgres.volume.size = '50GB'),
      /postgres\.volume\.size: must be a size such as 512Mi/,
    ],
    [
      'a class that cannot be a name',
      (e) => (e.servers.postgres.walVolume = { size: '1Gi', storageClass: 'Fast SSD' }),
      /postgres\.walVolume\.storageClass: must be the name of a StorageClass/,
    ],
    [
      'a variable that the product sets',
      (e) => (e.indexer.env = [{ name: 'KAFKA_BROKERS', value: 'elsewhere:9092' }]),
      /indexer\.env: must not name KAFKA_BROKERS, which the product sets/,
    ],
    [
      'a label by which pods are found',
      (e) => (e.jobs.podLabels = { 'app.kubernetes.io/name': 'other' }),
      /jobs\.podLabels: must not name app\.kubernetes\.io\/name/,
    ],
    [
      'a label by which another Service would be found',
      (e) => (e.service.labels = { 'app.kubernetes.io/part-of': 'other' }),
      /service\.labels: must not name app\.kubernetes\.io\/part-of/,
    ],
    [
      'a collector that no policy lets through',
      (e) => (e.otlp = { endpoint: 'http://collector:4318', egress: { port: 4_318 } }),
      /otlp\.egress: must have a namespace, or cidrs/,
    ],
  ])('%s', (_, edit, message) => {
    expect(() => parseEnvironment(change(edit))).toThrow(message);
  });

  it('and taken where they fit', () => {
    const fits = change((e) => (e.servers.postgres.maxConnections = 248));
    expect(parseEnvironment(fits)).toEqual(fits);
    const unknown = change((e) => {
      e.servers.postgres = { ...environmentOf('lab').servers.postgres, maxConnections: undefined };
      e.api.maxReplicas = 1_000;
    });
    expect(parseEnvironment(unknown)).toEqual(unknown);
  });

  it.each(Object.entries(MEMORY_SETTINGS))('and memory up to its limits, of %s', (name, { least, most }) => {
    for (const size of [least, most]) {
      const fits = change((e) => (e.servers.postgres.memory[name] = size));
      expect(parseEnvironment(fits)).toEqual(fits);
    }
  });

  it('all of them together', () => {
    const broken = change((e) => {
      e.topic.partitions = 0;
      e.ingress.host = '';
    });
    expect(() => parseEnvironment(broken)).toThrow(
      /topic\.partitions[^]*ingress\.host|ingress\.host[^]*topic\.partitions/,
    );
  });

  it('an environment that is not there, with the names of those that are', () => {
    const { status, stderr } = spawnSync('node', ['--import', 'tsx', 'infra/main.ts', 'staging'], { encoding: 'utf8' });
    expect(stderr).toContain(
      "'staging' is invalid for argument 'environment'. Allowed choices are local, lab, production.",
    );
    expect(status).toBe(1);
  });
});
