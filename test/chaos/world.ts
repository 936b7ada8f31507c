/**
 * What a run acts on: the real servers behind proxies, two API replicas and some indexers as processes, and a database,
 * topics and an index of the run's own.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import getPort from 'get-port';
import { startElasticsearch } from '../../infra/local/elasticsearch.ts';
import type { EmbeddedServer } from '../../infra/local/embedded-server.ts';
import { startKafka } from '../../infra/local/kafka.ts';
import { startPostgres } from '../../infra/local/postgres.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestTopics, type TestTopics } from '../support/kafka.ts';
import { killProcess, startService, stopProcess, type ServiceProcess } from '../support/process.ts';
import { createTestIndex, type TestIndex } from '../support/search-index.ts';
import { createTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

export type ServerKind = 'postgres' | 'kafka' | 'elasticsearch';

export interface Servers {
  readonly urls: Readonly<Record<ServerKind, string>>;
  /** Between the services and each server; the checker goes past them. */
  readonly proxies: Readonly<Record<ServerKind, TcpProxy>>;
  pidOf(kind: ServerKind): number;
  /** SIGKILL, or the signal given, and start again on the same data after `downMs`. */
  restart(kind: ServerKind, downMs: number, signal?: NodeJS.Signals): Promise<void>;
  close(): Promise<void>;
}

export const startServers = async (): Promise<Servers> => {
  const folder = mkdtempSync(join(tmpdir(), 'taskstream-chaos-'));
  const [postgresPort, kafkaPort, elasticsearchPort] = await Promise.all([getPort(), getPort(), getPort()]);
  const proxies = {
    postgres: await createTcpProxy(postgresPort),
    kafka: await createTcpProxy(kafkaPort),
    elasticsearch: await createTcpProxy(elasticsearchPort),
  };
  const options = (kind: ServerKind, port: number) => ({
    dataDir: join(folder, kind),
    port,
    logFile: join(folder, `${kind}.log`),
  });
  const starts: Readonly<Record<ServerKind, () => Promise<EmbeddedServer>>> = {
    postgres: () => startPostgres(options('postgres', postgresPort)),
    kafka: () =>
      startKafka({
        ...options('kafka', kafkaPort),
        // Brokers say where they are reached: behind the proxy.
        settings: { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${proxies.kafka.port}` },
      }),
    elasticsearch: () => startElasticsearch(options('elasticsearch', elasticsearchPort)),
  };
  const running: Record<ServerKind, EmbeddedServer> = {
    postgres: await starts.postgres(),
    kafka: await starts.kafka(),
    elasticsearch: await starts.elasticsearch(),
  };
  return {
    urls: { postgres: running.postgres.url, kafka: running.kafka.url, elasticsearch: running.elasticsearch.url },
    proxies,
    pidOf: (kind) => running[kind].pid,
    restart: async (kind, downMs, signal = 'SIGKILL') => {
      const server = running[kind];
      if (signal === 'SIGKILL') await server.kill();
      else {
        process.kill(server.pid, signal);
        await server.exited;
      }
      await new Promise((resolve) => setTimeout(resolve, downMs));
      running[kind] = await starts[kind]();
    },
    close: async () => {
      await Promise.all(Object.values(running).map((server) => server.stop()));
      await Promise.all(Object.values(proxies).map((proxy) => proxy.close()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

export interface World {
  readonly servers: Servers;
  readonly database: TestDatabase;
  readonly topics: TestTopics;
  readonly index: TestIndex;
  readonly group: string;
  readonly apis: ServiceProcess[];
  readonly indexers: ServiceProcess[];
  readonly startApi: () => Promise<void>;
  readonly startIndexer: () => Promise<void>;
  close(): Promise<void>;
}

/** @param partitions of the topic of tasks */
export const createWorld = async (servers: Servers, partitions: number): Promise<World> => {
  const { urls, proxies } = servers;
  const [database, topics, index] = await Promise.all([
    createTestDatabase(urls.postgres),
    createTestTopics(urls.kafka, { partitions }),
    createTestIndex(urls.elasticsearch),
  ]);
  // A server that is killed takes the checker's connections with it.
  database.pool.on('error', () => undefined);
  const behind = (url: string, kind: ServerKind): string => {
    const proxied = new URL(url);
    proxied.port = String(proxies[kind].port);
    return proxied.href;
  };
  const group = `group-${topics.tasks}`;
  const env = {
    DATABASE_URL: behind(database.url, 'postgres'),
    KAFKA_BROKERS: `127.0.0.1:${proxies.kafka.port}`,
    ELASTICSEARCH_URL: behind(urls.elasticsearch, 'elasticsearch'),
    TASKS_TOPIC: topics.tasks,
    DEAD_LETTER_TOPIC: topics.deadLetters,
    TASK_INDEX: index.alias,
    CONSUMER_GROUP: group,
    SESSION_TIMEOUT_MS: '6000',
    LOG_LEVEL: 'warn',
  };
  const apis: ServiceProcess[] = [];
  const indexers: ServiceProcess[] = [];
  const start = async (service: 'api' | 'indexer', list: ServiceProcess[]) => {
    const started = await startService(service, env);
    list.push(started);
    await started.ready();
  };
  return {
    servers,
    database,
    topics,
    index,
    group,
    apis,
    indexers,
    startApi: () => start('api', apis),
    startIndexer: () => start('indexer', indexers),
    close: async () => {
      await Promise.all([...apis, ...indexers].map((service) => stopOrKill(service)));
      await Promise.all([database.close(), topics.close(), index.close()]);
    },
  };
};

const STOP_MS = 20_000;

const stopOrKill = async (service: ServiceProcess): Promise<void> => {
  const timer = setTimeout(() => void killProcess(service), STOP_MS);
  await (service.child.exitCode === null && service.child.signalCode === null ? stopProcess(service) : service.exited);
  clearTimeout(timer);
};
