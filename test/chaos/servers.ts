/** The real servers of all runs, with a proxy in each connection between a service and a server. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import kafka from '@confluentinc/kafka-javascript';
import getPort from 'get-port';
import { startElasticsearch } from '../../infra/local/elasticsearch.ts';
import type { Role } from '../../infra/local/cluster/cluster.ts';
import type { DiskState } from '../../infra/local/cluster/disks.ts';
import type { EmbeddedServer } from '../../infra/local/embedded-server.ts';
import { INTERNAL_PARTITIONS, startKafka } from '../../infra/local/kafka.ts';
import { startPostgres } from '../../infra/local/postgres.ts';
import { createTcpProxy, type ProxyMode, type TcpProxy } from '../support/tcp-proxy.ts';

export type ServerKind = 'postgres' | 'kafka' | 'elasticsearch';

/** Who talks to whom; clients and the API have links of their own (`world.ts`). */
export const LINKS = [
  'api-postgres',
  'api-kafka',
  'api-elasticsearch',
  'indexer-kafka',
  'indexer-elasticsearch',
] as const;
export type Link = (typeof LINKS)[number];

/** Of an indexer in its group, with either protocol, in milliseconds: a few faults last for longer. */
export const SESSION_MS = '6000';

/** What happens to nodes of a cluster. */
export type Strike =
  /** It ends, for good. */
  | { readonly kind: 'kill'; readonly role: Role }
  /** It stands still for so long. */
  | { readonly kind: 'pause'; readonly role: Role; readonly forMs: number }
  /** The others do not reach it for so long, and clients do; over when it has all its copies again. */
  | { readonly kind: 'cut off'; readonly role: Role; readonly forMs: number }
  /** So is its disk for so long; over when it runs, started again if it has ended, and has all its copies. */
  | { readonly kind: 'break disk'; readonly role: Role; readonly state: DiskState; readonly forMs: number }
  /** They end at once, and the standby begins again on its data after so long. */
  | { readonly kind: 'kill primary and standby'; readonly standbyAfterMs: number }
  /** One standby is killed, and the other stands still. */
  | { readonly kind: 'standbys away' }
  /** One begins again on its data, and the other goes on. */
  | { readonly kind: 'standbys back' }
  /** All nodes of a server are restarted as their operator does it. */
  | { readonly kind: 'roll'; readonly server: ServerKind };

/** What a run, in a process of its own, may do to the servers. */
export interface Servers {
  /** Past the proxies, for the checker. */
  readonly urls: Readonly<Record<ServerKind, string>>;
  /** What the services connect to. */
  readonly serviceUrls: Readonly<Record<'api' | 'indexer', Readonly<Record<ServerKind, string>>>>;
  /** Of each partition and each shard. */
  readonly copies: number;
  setLink(link: Link, mode: ProxyMode): Promise<void>;
  signal(kind: ServerKind, signal: NodeJS.Signals): Promise<void>;
  /** Ends it by `signal`, and starts it again on the same data after `downMs`. */
  restart(kind: ServerKind, downMs: number, signal: NodeJS.Signals): Promise<void>;
  /** Starts the second broker, without a proxy before it; topics created from then on have partitions on both. */
  startSecondBroker(): Promise<void>;
  /** Nothing happens when it is not running. By SIGTERM it leaves its cluster first. */
  endSecondBroker(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** Resolves when it is over. */
  strike(strike: Strike): Promise<void>;
}

export interface RunningServers extends Servers {
  /** Where the servers keep their logs. */
  readonly folder: string;
  /** Whether disks of nodes can be made slow or full here. */
  readonly canBreakDisks: boolean;
  /** Starts the nodes that faults have ended. */
  heal(): Promise<void>;
  close(): Promise<void>;
}

/** Clients come back to the address that a broker tells them: one listener for each link, one for the checker. */
const kafkaSettings = (
  ports: Readonly<Record<string, number>>,
  advertised: Readonly<Record<string, number>>,
  controllerPort: number,
) => {
  const addresses = (of: Readonly<Record<string, number>>) =>
    Object.entries(of).map(([name, port]) => `${name}://127.0.0.1:${port}`);
  return {
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: [...addresses(ports), `CONTROLLER://127.0.0.1:${controllerPort}`].join(),
    'advertised.listeners': addresses(advertised).join(),
    'group.consumer.session.timeout.ms': SESSION_MS,
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': ['CONTROLLER', ...Object.keys(ports)].map((name) => `${name}:PLAINTEXT`).join(),
  };
};

/**
 * Kafka makes the topics of its own on the brokers there are when somebody needs them: in a run with a second broker, where
 * they would be out of reach for all runs behind it. So that they are made before, with the partitions of its settings.
 */
const createInternalTopics = async (brokers: string): Promise<void> => {
  const { Kafka, logLevel } = kafka.KafkaJS;
  const admin = new Kafka({ kafkaJS: { brokers: [brokers], logLevel: logLevel.NOTHING } }).admin();
  await admin.connect();
  await admin.createTopics({
    topics: ['__consumer_offsets', '__transaction_state'].map((topic) => ({
      topic,
      numPartitions: INTERNAL_PARTITIONS,
      replicationFactor: 1,
      configEntries: [{ name: 'cleanup.policy', value: 'compact' }],
    })),
  });
  await admin.disconnect();
};

const behind = (url: string, { port }: TcpProxy): string => Object.assign(new URL(url), { port: String(port) }).href;

const refuseStrike = (): Promise<never> => Promise.reject(new Error('there is no cluster: --cluster starts one'));

export const startServers = async (): Promise<RunningServers> => {
  const folder = mkdtempSync(join(tmpdir(), 'taskstream-chaos-'));
  const [postgresPort, elasticsearchPort] = await Promise.all([getPort(), getPort()]);
  const [kafkaPort, apiPort, indexerPort, controllerPort] = await Promise.all([
    getPort(),
    getPort(),
    getPort(),
    getPort(),
  ]);
  const proxies: Readonly<Record<Link, TcpProxy>> = {
    'api-postgres': await createTcpProxy(postgresPort),
    'api-kafka': await createTcpProxy(apiPort),
    'api-elasticsearch': await createTcpProxy(elasticsearchPort),
    'indexer-kafka': await createTcpProxy(indexerPort),
    'indexer-elasticsearch': await createTcpProxy(elasticsearchPort),
  };
  const settings = kafkaSettings(
    { PLAINTEXT: kafkaPort, API: apiPort, INDEXER: indexerPort },
    { PLAINTEXT: kafkaPort, API: proxies['api-kafka'].port, INDEXER: proxies['indexer-kafka'].port },
    controllerPort,
  );
  const options = (kind: ServerKind, port: number) => ({
    dataDir: join(folder, kind),
    port,
    logFile: join(folder, `${kind}.log`),
  });
  const starts: Readonly<Record<ServerKind, () => Promise<EmbeddedServer>>> = {
    postgres: () => startPostgres(options('postgres', postgresPort)),
    kafka: () => startKafka({ ...options('kafka', kafkaPort), settings }),
    elasticsearch: () => startElasticsearch(options('elasticsearch', elasticsearchPort)),
  };
  const running: Record<ServerKind, EmbeddedServer> = {
    postgres: await starts.postgres(),
    kafka: await starts.kafka(),
    elasticsearch: await starts.elasticsearch(),
  };
  await createInternalTopics(running.kafka.url);
  let second: EmbeddedServer | undefined;
  const secondPorts = { PLAINTEXT: await getPort(), API: await getPort(), INDEXER: await getPort() };
  const startSecondBroker = async (): Promise<void> => {
    const ofSecond = kafkaSettings(secondPorts, secondPorts, controllerPort);
    const { listeners, ...others } = ofSecond;
    second = await startKafka({
      ...options('kafka', secondPorts.PLAINTEXT),
      dataDir: join(folder, 'second'),
      controllerPort,
      settings: {
        ...others,
        'process.roles': 'broker',
        'node.id': '2',
        listeners: listeners.replace(/,CONTROLLER.*/, ''),
      },
    });
  };
  const endSecondBroker = async (signal: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
    await (signal === 'SIGKILL' ? second?.kill() : second?.stop());
    second = undefined;
  };
  return {
    folder,
    canBreakDisks: false,
    startSecondBroker,
    endSecondBroker,
    urls: { postgres: running.postgres.url, kafka: running.kafka.url, elasticsearch: running.elasticsearch.url },
    serviceUrls: {
      api: {
        postgres: behind(running.postgres.url, proxies['api-postgres']),
        kafka: `127.0.0.1:${proxies['api-kafka'].port}`,
        elasticsearch: behind(running.elasticsearch.url, proxies['api-elasticsearch']),
      },
      indexer: {
        // It knows no database.
        postgres: '',
        kafka: `127.0.0.1:${proxies['indexer-kafka'].port}`,
        elasticsearch: behind(running.elasticsearch.url, proxies['indexer-elasticsearch']),
      },
    },
    copies: 1,
    strike: refuseStrike,
    heal: () => Promise.resolve(),
    setLink: (link, mode) => {
      proxies[link].set(mode);
      return Promise.resolve();
    },
    signal: (kind, signal) => {
      process.kill(running[kind].pid, signal);
      return Promise.resolve();
    },
    restart: async (kind, downMs, signal) => {
      const server = running[kind];
      process.kill(server.pid, signal);
      await server.exited;
      await new Promise((resolve) => setTimeout(resolve, downMs));
      running[kind] = await starts[kind]();
    },
    close: async () => {
      await endSecondBroker('SIGKILL');
      await Promise.all(Object.values(running).map((server) => server.stop()));
      await Promise.all(Object.values(proxies).map((proxy) => proxy.close()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
