/**
 * Three nodes of each server on one machine, as production has them: brokers that are controllers too, search nodes, and a
 * PostgreSQL primary with two standbys of which one confirms each commit.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import getPort from 'get-port';
import { findJdk } from '../bootstrap/jdk.mjs';
import { UserError } from '../bootstrap/fail.mjs';
import { stopAllChildren } from '../child.ts';
import { startElasticsearch } from '../elasticsearch.ts';
import { LOOPBACK } from '../embedded-server.ts';
import { elasticsearchHome, kafkaHome } from '../jars.ts';
import { startKafka } from '../kafka.ts';
import { DATABASE, PASSWORD, USER } from '../postgres.ts';
import { SERVER_KINDS, type ServerKind } from '../servers.ts';
import { createDisks, type DiskState } from './disks.ts';
import { superviseFailover, type Failover } from './failover.ts';
import { ask, green, inSync } from './in-sync.ts';
import { createLines, type Lines } from './lines.ts';
import { ClusterNode } from './node.ts';
import { NUMBERS, type ClusterPorts } from './ports.ts';
import { PostgresNode } from './postgres-node.ts';
import { createService } from './service.ts';

const FAILED_STOP_MS = 10_000;
/** How often a search node is asked whether it is ready. */
const READINESS_MS = 1_000;
/** One that is silent for as long is not ready: three questions of ECK's, one each 5 s. */
const UNREADY_MS = 15_000;
/** From when new connections go elsewhere until a search node ends; ECK waits for 50 s. */
const LEAVING_MS = 3_000;

/** Who a node may be at the moment that somebody asks: the one that its kind has elected, or one of the others. */
const ROLES = {
  controller: { kind: 'kafka', isElected: true },
  broker: { kind: 'kafka', isElected: false },
  master: { kind: 'elasticsearch', isElected: true },
  'search-node': { kind: 'elasticsearch', isElected: false },
  primary: { kind: 'postgres', isElected: true },
  standby: { kind: 'postgres', isElected: false },
} as const;
export type Role = keyof typeof ROLES;

export interface ClusterOptions {
  /** Folder for the data and logs of all nodes. */
  readonly dataDir: string;
  readonly ports: ClusterPorts;
  readonly onReady?: (node: ClusterNode, url: string, pid: number) => void;
  /** Is told what the failover of PostgreSQL does. */
  readonly report?: (text: string) => void;
  /** Nodes reach each other through a proxy, so that one can be cut off. */
  readonly hasLines?: boolean;
  /** Disks of nodes can be made slow or full, where `canBreakDisks` says so. */
  readonly hasDisks?: boolean;
}

export interface Cluster {
  /** What services connect to: a list for Kafka, as on Kubernetes, and one address for each of the others. */
  readonly urls: Readonly<Record<ServerKind, string>>;
  readonly nodes: readonly ClusterNode[];
  /** One that runs. @throws when none does that has the role */
  find(role: Role): Promise<ClusterNode>;
  /** All that run and have the role. */
  findAll(role: Role): Promise<readonly ClusterNode[]>;
  /**
   * Nothing passes between a node and the others, while clients reach all of them.
   * @throws UserError where there are no lines, or no Linux
   */
  cutOff(node: ClusterNode): void;
  /** @throws UserError where there are no disks to break */
  breakDisk(node: ClusterNode, state: DiskState): void;
  /** The others have it again, its disk is well, and it is started if it has ended; resolves when it has all its copies. */
  join(node: ClusterNode): Promise<void>;
  /** Restarts the nodes of a kind one after the other, each when all copies are there, as the operators do it; the elected one last. */
  roll(kind: ServerKind): Promise<void>;
  /** Starts what does not run; resolves when every copy of everything is there again. */
  heal(): Promise<void>;
  stop(): Promise<void>;
}

const pick = (list: readonly number[], number: number): number => {
  const port = list[number - 1];
  if (port === undefined) throw new Error(`no port for node ${number}`);
  return port;
};

type EnvOf = (name: string) => Readonly<Record<string, string>>;

const kafkaNodes = (
  dataDir: string,
  { nodes, controllers }: ClusterPorts['kafka'],
  lines: Lines | undefined,
  envOf: EnvOf,
): Promise<ClusterNode[]> =>
  Promise.all(
    NUMBERS.map(async (number) => {
      const name = `kafka-${number}`;
      const port = pick(nodes, number);
      const published = pick(controllers, number);
      const controllerPort = (await lines?.open(name, published)) ?? published;
      const behindLines =
        lines === undefined ? {} : await internalListener(lines, name, { port, controllerPort, published });
      return new ClusterNode(name, 'kafka', () =>
        startKafka({
          dataDir: join(dataDir, name),
          port,
          controllerPort,
          logFile: join(dataDir, 'logs', `${name}.log`),
          env: envOf(name),
          settings: {
            'node.id': String(number),
            'controller.quorum.voters': NUMBERS.map(
              (voter) => `${voter}@${LOOPBACK}:${pick(controllers, voter)}`,
            ).join(),
            ...REPLICATED,
            ...behindLines,
          },
        }),
      );
    }),
  );

/** Brokers call each other by a listener of their own, which is found at its line, as the controllers are. */
const internalListener = async (
  lines: Lines,
  name: string,
  { port, controllerPort, published }: Readonly<Record<'port' | 'controllerPort' | 'published', number>>,
): Promise<Readonly<Record<string, string>>> => {
  const internal = await getPort();
  const addresses = (of: Readonly<Record<string, number>>) =>
    Object.entries(of)
      .map(([listener, at]) => `${listener}://${LOOPBACK}:${at}`)
      .join();
  return {
    listeners: addresses({ PLAINTEXT: port, INTERNAL: await lines.open(name, internal), CONTROLLER: controllerPort }),
    'advertised.listeners': addresses({ PLAINTEXT: port, INTERNAL: internal, CONTROLLER: published }),
    'inter.broker.listener.name': 'INTERNAL',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
  };
};

/** As the manifests have it (`infra/constructs`), with Kafka's own timings, which Strimzi leaves as they are. */
const REPLICATED = {
  'default.replication.factor': '3',
  'min.insync.replicas': '2',
  'offsets.topic.replication.factor': '3',
  'transaction.state.log.replication.factor': '3',
  'transaction.state.log.min.isr': '2',
  'share.coordinator.state.topic.replication.factor': '3',
  'share.coordinator.state.topic.min.isr': '2',
  'group.initial.rebalance.delay.ms': '3000',
  'broker.session.timeout.ms': '9000',
  'broker.heartbeat.interval.ms': '2000',
};

const elasticsearchNodes = (
  dataDir: string,
  { nodes, transport }: ClusterPorts['elasticsearch'],
  lines: Lines | undefined,
  envOf: EnvOf,
): Promise<ClusterNode[]> => {
  const nameOf = (number: number) => `elasticsearch-${number}`;
  return Promise.all(
    NUMBERS.map(async (number) => {
      const name = nameOf(number);
      const folder = join(dataDir, name);
      const published = pick(transport, number);
      const listens = (await lines?.open(name, published)) ?? published;
      return new ClusterNode(name, 'elasticsearch', () =>
        startElasticsearch({
          dataDir: folder,
          port: pick(nodes, number),
          logFile: join(dataDir, 'logs', `${name}.log`),
          env: envOf(name),
          settings: {
            'node.name': name,
            'discovery.type': 'multi-node',
            'discovery.seed_hosts': transport.map((port) => `${LOOPBACK}:${port}`).join(),
            'transport.port': String(listens),
            'transport.publish_port': String(published),
            // Only for a cluster that never was: later it could make a second one.
            ...(existsSync(join(folder, 'data')) ? {} : { 'cluster.initial_master_nodes': NUMBERS.map(nameOf).join() }),
          },
        }),
      );
    }),
  );
};

const postgresNodes = (
  folder: string,
  { nodes }: ClusterPorts['postgres'],
  lines: Lines | undefined,
  envOf: EnvOf,
): Promise<PostgresNode[]> =>
  Promise.all(
    NUMBERS.map(async (number) => {
      const name = `postgres-${number}`;
      const port = pick(nodes, number);
      // It has one port for everybody: the line is another way to it.
      const peerPort = lines === undefined ? port : await getPort();
      await lines?.open(name, peerPort, port);
      return new PostgresNode(name, { port, peerPort, folder, env: envOf(name) });
    }),
  );

/** Starts the primary on the data that there is, and both standbys from copies of it. */
const startPostgresNodes = async (
  nodes: readonly PostgresNode[],
  { dataDir, ports, report = () => undefined }: ClusterOptions,
  onStart: (node: PostgresNode) => Promise<void>,
): Promise<{ failover: Failover; close: () => Promise<void> }> => {
  const file = join(dataDir, 'primary');
  const name = existsSync(file) ? readFileSync(file, 'utf8') : 'postgres-1';
  const primary = nodes.find((node) => node.name === name);
  if (primary === undefined) throw new UserError(`${file} names ${name}, which is no node: remove ${dataDir}.`);
  // Without standbys no commit would end.
  if (existsSync(join(primary.dataDir, 'PG_VERSION'))) primary.configure({});
  await onStart(primary);
  for (const node of nodes)
    if (node !== primary) {
      await node.copyFrom(primary);
      await onStart(node);
    }
  const service = await createService(ports.postgres.service);
  const failover = await superviseFailover({
    nodes,
    primary,
    service,
    report,
    onPrimary: (next) => {
      writeFileSync(file, next.name);
    },
  });
  return { failover, close: () => service.close() };
};

/** Keeps the search nodes that are ready behind their address: those that answer and have a master, as ECK's readiness port says it. */
const watchReadiness = async (nodes: readonly ClusterNode[], ports: ClusterPorts['elasticsearch']) => {
  const service = await createService(ports.service);
  const stopped = new AbortController();
  const readyAt = new Map<ClusterNode, number>(nodes.map((node) => [node, performance.now()]));
  const leaving = new Set<ClusterNode>();
  const setReady = () => {
    const ready = nodes.filter(
      (node) =>
        node.isRunning && !leaving.has(node) && performance.now() - (readyAt.get(node) ?? -Infinity) < UNREADY_MS,
    );
    service.setReady(ready.map((node) => pick(ports.nodes, 1 + nodes.indexOf(node))));
  };
  const watching = (async () => {
    while (!stopped.signal.aborted) {
      setReady();
      for (const [index, node] of nodes.entries())
        void ask(pick(ports.nodes, 1 + index), '/_cluster/state/master_node').then(
          (state) => {
            if (hasMaster(state)) readyAt.set(node, performance.now());
          },
          () => undefined,
        );
      await sleep(READINESS_MS, undefined, { signal: stopped.signal }).catch(() => undefined);
    }
  })();
  return {
    /** New connections go to the others while `work` lasts. */
    without: async (node: ClusterNode, work: () => Promise<void>): Promise<void> => {
      leaving.add(node);
      setReady();
      await work().finally(() => {
        leaving.delete(node);
        // One that was restarted is ready when it has a master again.
        readyAt.delete(node);
      });
    },
    close: async () => {
      stopped.abort();
      await watching;
      await service.close();
    },
  };
};

/** As the node itself knows it: the master may be just what does not answer. */
const hasMaster = (state: unknown): boolean =>
  typeof state === 'object' && state !== null && 'master_node' in state && typeof state.master_node === 'string';

const startAll = async (nodes: readonly ClusterNode[]): Promise<void> => {
  await Promise.all(nodes.filter((node) => !node.isRunning).map((node) => node.start()));
};

/** Name of the elected master, as some node says it that answers. */
const electedMaster = async (ports: readonly number[]): Promise<string> => {
  const [row] = (await Promise.any(ports.map((port) => ask(port, '/_cat/master?format=json')))) as { node: string }[];
  return row?.node ?? 'nobody';
};

/** Number of the active controller: each node writes down the leader of each epoch that it hears of. */
const activeController = (dataDir: string): number => {
  const states = NUMBERS.flatMap((number) => {
    const file = join(dataDir, `kafka-${number}`, 'data/__cluster_metadata-0/quorum-state');
    return existsSync(file)
      ? [JSON.parse(readFileSync(file, 'utf8')) as { leaderId: number; leaderEpoch: number }]
      : [];
  });
  return states.reduce((newest, other) => (other.leaderEpoch > newest.leaderEpoch ? other : newest)).leaderId;
};

/**
 * Starts all nodes. Starts again on the data of an earlier run.
 * @throws the fault of the first one that did not come up, when all others are stopped
 */
export const startCluster = async (options: ClusterOptions): Promise<Cluster> => {
  const { dataDir, ports, onReady } = options;
  mkdirSync(dataDir, { recursive: true });
  // One after the other, as two runs of Maven must not share its local repository.
  await kafkaHome(findJdk());
  await elasticsearchHome(findJdk());
  // For each kind its own: who calls is looked up among all processes that may be it, and PostgreSQL has very many.
  const lines =
    options.hasLines === true
      ? {
          kafka: createLines(() => brokers),
          elasticsearch: createLines(() => search),
          postgres: createLines(() => databases),
        }
      : undefined;
  const disks = options.hasDisks === true ? createDisks(dataDir) : undefined;
  const envOf: EnvOf = (name) => disks?.envOf(name) ?? {};
  const brokers: readonly ClusterNode[] = await kafkaNodes(dataDir, ports.kafka, lines?.kafka, envOf);
  const search: readonly ClusterNode[] = await elasticsearchNodes(
    dataDir,
    ports.elasticsearch,
    lines?.elasticsearch,
    envOf,
  );
  const databases: readonly PostgresNode[] = await postgresNodes(dataDir, ports.postgres, lines?.postgres, envOf);
  const nodes: readonly ClusterNode[] = [...databases, ...brokers, ...search];
  const start = async (node: ClusterNode): Promise<void> => {
    const { url, pid } = await node.start();
    onReady?.(node, url, pid);
  };
  try {
    const [postgres] = await Promise.all([
      startPostgresNodes(databases, options, start),
      ...[...brokers, ...search].map(start),
    ]);
    const { failover } = postgres;
    const readiness = await watchReadiness(search, ports.elasticsearch);
    const elected: Readonly<Record<ServerKind, () => Promise<string> | string>> = {
      kafka: () => `kafka-${activeController(dataDir)}`,
      elasticsearch: () => electedMaster(ports.elasticsearch.nodes),
      postgres: () => failover.primary().name,
    };
    const urls = {
      postgres: `postgres://${USER}:${PASSWORD}@${LOOPBACK}:${ports.postgres.service}/${DATABASE}`,
      kafka: ports.kafka.nodes.map((port) => `${LOOPBACK}:${port}`).join(),
      elasticsearch: `http://${LOOPBACK}:${ports.elasticsearch.service}`,
    };
    /** Resolves when each node of the kind has all its copies. */
    const whole = (kind: ServerKind): Promise<void> =>
      kind === 'kafka' ? inSync(urls.kafka) : green(ports.elasticsearch.service);
    const restart = async (node: ClusterNode): Promise<void> => {
      await node.stop();
      await node.start();
    };
    /** Starts what does not run; resolves when each node of the kind has all its copies. */
    const heal: Readonly<Record<ServerKind, () => Promise<void>>> = {
      kafka: async () => {
        await startAll(brokers);
        await whole('kafka');
      },
      elasticsearch: async () => {
        await startAll(search);
        await whole('elasticsearch');
      },
      postgres: () => failover.heal(),
    };
    const repair = (node: ClusterNode): void => {
      node.resume();
      lines?.[node.kind].join(node);
      disks?.repair(node.name);
    };
    const findAll = async (role: Role): Promise<readonly ClusterNode[]> => {
      const { kind, isElected } = ROLES[role];
      const name = await elected[kind]();
      return nodes.filter((node) => node.kind === kind && node.isRunning && (node.name === name) === isElected);
    };
    return {
      urls,
      nodes,
      findAll,
      find: async (role) => {
        const [node] = await findAll(role);
        if (node === undefined) throw new Error(`no node runs that is a ${role}`);
        return node;
      },
      cutOff: (node) => {
        if (lines === undefined) throw new UserError('This cluster was started without lines.');
        lines[node.kind].cutOff(node);
      },
      breakDisk: (node, state) => {
        if (disks === undefined) throw new UserError('This cluster was started without disks that can break.');
        disks.set(node.name, state);
      },
      join: async (node) => {
        repair(node);
        await heal[node.kind]();
      },
      roll: async (kind) => {
        if (kind === 'postgres') {
          await failover.roll();
          return;
        }
        const last = await elected[kind]();
        const own = nodes.filter((node) => node.kind === kind);
        for (const node of [...own.filter(({ name }) => name !== last), ...own.filter(({ name }) => name === last)]) {
          await whole(kind);
          if (kind === 'kafka') await restart(node);
          else await readiness.without(node, () => sleep(LEAVING_MS).then(() => restart(node)));
        }
        await whole(kind);
      },
      heal: async () => {
        for (const node of nodes) repair(node);
        await Promise.all(SERVER_KINDS.map((kind) => heal[kind]()));
      },
      stop: async () => {
        await failover.stop();
        await readiness.close();
        for (const node of nodes) repair(node);
        // The primary first: it ends when its standbys have all that it wrote.
        const primary = failover.primary();
        await primary.stop();
        await Promise.all(nodes.filter((node) => node !== primary).map((node) => node.stop()));
        await postgres.close();
        await Promise.all(Object.values(lines ?? {}).map((each) => each.close()));
      },
    };
  } catch (error) {
    await stopAllChildren(FAILED_STOP_MS);
    throw error;
  }
};
