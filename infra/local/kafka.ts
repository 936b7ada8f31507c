/** Apache Kafka as a child process: one node that is broker and controller (KRaft). */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import getPort from 'get-port';
import { GROUP_TIMES } from '../../services/task/resources.ts';
import { findJdk, type Jdk } from './bootstrap/jdk.mjs';
import { waitUntilReady } from './child.ts';
import { inUrl, LOOPBACK, type EmbeddedServer, type ServerOptions } from './embedded-server.ts';
import { kafkaHome, type ServerHome } from './jars.ts';
import { SMALL_HEAP, startJvm } from './jvm.ts';
import { readFrom, sizeOf } from './log-file.ts';
import { runTool } from './maven.ts';

const READY_DEADLINE_MS = 90_000;
const LOG_CONFIG = `-Dlog4j2.configurationFile=${fileURLToPath(new URL('jars/kafka/log4j2.properties', import.meta.url))}`;
/** Of each topic that Kafka keeps for itself. */
export const INTERNAL_PARTITIONS = 4;
/** 22 characters of base64, as Kafka wants it. */
const CLUSTER_ID = 'taskstream-local-kafkA';
/** Kafka's own word that it takes requests: its listener is open earlier than that. */
const STARTED = 'Kafka Server started';

export interface KafkaOptions extends ServerOptions {
  /** Further broker settings, by the names of Kafka's documentation. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Users for SCRAM-SHA-512, made with the storage: the first start on a data folder knows them, and later ones. */
  readonly scramUsers?: readonly ScramUser[];
  /** Further flags of the JVM, such as system properties. */
  readonly flags?: readonly string[];
  readonly jdk?: Jdk;
  /** Port of the controller on this machine; one that is free when not given. */
  readonly controllerPort?: number;
}

export interface ScramUser {
  readonly name: string;
  readonly password: string;
}

/**
 * Starts Kafka; `url` is its bootstrap address `host:port`. Starts again on the data of an earlier run.
 * @throws UserError with the end of its log when it does not come up
 */
export const startKafka = async (options: KafkaOptions): Promise<EmbeddedServer> => {
  const { dataDir, port, logFile, host = LOOPBACK, jdk = findJdk() } = options;
  const home = await kafkaHome(jdk);
  mkdirSync(dataDir, { recursive: true });
  const config = join(dataDir, 'server.properties');
  const controllerPort = options.controllerPort ?? (await getPort({ host: LOOPBACK }));
  const settings = { ...brokerSettings(host, port, controllerPort, join(dataDir, 'data')), ...options.settings };
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`);
  writeFileSync(config, lines.join(''));
  await format(jdk, home, dataDir, config, options.scramUsers ?? []);

  const logStart = sizeOf(logFile);
  const jvm = await startJvm({
    name: 'Kafka',
    jdk,
    home,
    flags: [...SMALL_HEAP, LOG_CONFIG, ...(options.flags ?? [])],
    mainClass: 'kafka.Kafka',
    args: [config],
    dataDir,
    logFile,
    env: options.env,
  });
  await waitUntilReady(jvm, async () => readFrom(logFile, logStart).includes(STARTED), READY_DEADLINE_MS);
  return {
    name: jvm.name,
    url: `${inUrl(host)}:${port}`,
    port,
    pid: jvm.pid,
    logFile,
    exited: jvm.exited,
    stop: jvm.stopGracefully,
    kill: async () => {
      await jvm.kill();
    },
  };
};

const brokerSettings = (host: string, port: number, controllerPort: number, logDir: string) => ({
  'process.roles': 'broker,controller',
  'node.id': '1',
  'controller.quorum.voters': `1@${LOOPBACK}:${controllerPort}`,
  'controller.listener.names': 'CONTROLLER',
  'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
  listeners: `PLAINTEXT://${inUrl(host)}:${port},CONTROLLER://${LOOPBACK}:${controllerPort}`,
  'advertised.listeners': `PLAINTEXT://${inUrl(host)}:${port}`,
  'log.dirs': logDir,
  // A topic that nobody declared is a mistake in a name.
  'auto.create.topics.enable': 'false',
  // There is one node to replicate to.
  'offsets.topic.replication.factor': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
  'offsets.topic.num.partitions': String(INTERNAL_PARTITIONS),
  'transaction.state.log.num.partitions': String(INTERNAL_PARTITIONS),
  // A consumer group of one or two has nobody to wait for.
  'group.initial.rebalance.delay.ms': '0',
  // For `GROUP_PROTOCOL=consumer`, as on the cluster (infra/constructs/kafka.ts).
  ...Object.fromEntries(Object.entries(GROUP_TIMES).map(([name, ms]) => [name, String(ms)])),
  // After a crash the broker waits for the end of the session it had before: by default 9 s more.
  'broker.session.timeout.ms': '3000',
  'broker.heartbeat.interval.ms': '500',
  // By default 128 MiB of heap, for logs far larger than ours.
  'log.cleaner.dedupe.buffer.size': String(16 * 1024 * 1024),
});

/** Makes the storage, once: Kafka does not start on a folder that was not formatted. */
const format = async (
  jdk: Jdk,
  home: ServerHome,
  dataDir: string,
  config: string,
  scramUsers: readonly ScramUser[],
): Promise<void> => {
  const marker = join(dataDir, 'formatted');
  if (existsSync(marker)) return;
  await runTool(jdk.java, [
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    LOG_CONFIG,
    ...['-cp', home.classpath, 'kafka.tools.StorageTool'],
    ...['format', '--cluster-id', CLUSTER_ID, '--config', config, '--ignore-formatted'],
    ...scramUsers.flatMap((user) => ['--add-scram', scramRecord(user)]),
  ]);
  writeFileSync(marker, '');
};

/** In the storage tool's syntax, which has no place for a comma or a quotation mark. */
const scramRecord = ({ name, password }: ScramUser): string => `SCRAM-SHA-512=[name="${name}",password="${password}"]`;
