/** What the benches run on: the embedded servers, and for each bench a database, topics and an index of its own. */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import getPort from 'get-port';
import { startServers, stopServers } from '../../infra/local/servers.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestTopics, type TestTopics } from '../support/kafka.ts';
import { killProcess, startService, type ServiceProcess } from '../support/process.ts';
import { createTestIndex, type TestIndex } from '../support/search-index.ts';
import { cpuMicros, type CpuByProcess } from './cpu.ts';
import { threadMicros, type MicrosByThread } from './threads.ts';

export interface BenchServers {
  /**
   * Everything of one bench's own.
   * @param settings of both services that differ from the defaults
   */
  createStack(settings?: Readonly<Record<string, string>>): Promise<Stack>;
  close(): Promise<void>;
}

export interface Stack {
  readonly database: TestDatabase;
  readonly topics: TestTopics;
  readonly index: TestIndex;
  /** Settings of both services. */
  readonly env: Readonly<Record<string, string>>;
  /**
   * Compiled, as in the image.
   * @param name what its CPU is counted under; that of several of one name is counted together
   * @param settings beside those of the stack
   */
  readonly startApi: (name?: string, settings?: Readonly<Record<string, string>>) => Promise<ServiceProcess>;
  readonly startIndexer: () => Promise<ServiceProcess>;
  /** @param checkout folder of another release, which runs from its sources; compiled as above when not given */
  readonly start: (service: 'api' | 'indexer', name: string, checkout?: string) => Promise<ServiceProcess>;
  /** Counts the CPU of a process that was not started here. */
  readonly countCpu: (name: string, pid: number) => void;
  /** Runs `work`, and divides what each process took of the processors meanwhile by the operations that it tells. */
  measureCpu(work: () => Promise<number>): Promise<CpuByProcess>;
  /** CPU that the two servers in Java have used until now, by what their threads do. */
  threads(): Promise<Readonly<Record<'Kafka' | 'Elasticsearch', MicrosByThread>>>;
  /** Bytes that were written until now: PostgreSQL's log, the topic of the events on one broker, the index as it is on disk. */
  bytes(): Promise<Readonly<Record<'log of PostgreSQL' | 'topic' | 'index', number>>>;
  /** Bytes of a topic's records on the broker's disk. */
  topicBytes(topic: string): number;
  close(): Promise<void>;
}

/** As the product's own default. */
export const PARTITIONS = 12;

/**
 * @param build folder of the compiled services
 * @param postgresSettings that differ from the embedded server's own
 */
export const startBenchServers = async (
  build: string,
  postgresSettings: Readonly<Record<string, string>> = {},
): Promise<BenchServers> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'taskstream-bench-'));
  const ports = { postgres: await getPort(), kafka: await getPort(), elasticsearch: await getPort() };
  const servers = await startServers({ dataDir, ports, postgresSettings });
  const urls = {
    postgres: servers.postgres?.url ?? '',
    kafka: servers.kafka?.url ?? '',
    elasticsearch: servers.elasticsearch?.url ?? '',
  };
  return {
    createStack: async (settings = {}) => {
      const [database, topics, index] = await Promise.all([
        createTestDatabase(urls.postgres),
        createTestTopics(urls.kafka, { partitions: PARTITIONS }),
        createTestIndex(urls.elasticsearch),
      ]);
      const env = {
        DATABASE_URL: database.url,
        KAFKA_BROKERS: urls.kafka,
        ELASTICSEARCH_URL: urls.elasticsearch,
        TASKS_TOPIC: topics.tasks,
        DEAD_LETTER_TOPIC: topics.deadLetters,
        TASK_INDEX: index.alias,
        CONSUMER_GROUP: `group-${topics.tasks}`,
        NODE_ENV: 'production',
        // Without a line for each request; what the lines cost is a figure of its own.
        LOG_LEVEL: 'warn',
        ...settings,
      };
      const processes: ServiceProcess[] = [];
      const pids: [name: string, pid: number][] = [
        ['PostgreSQL', servers.postgres?.pid ?? 0],
        ['Kafka', servers.kafka?.pid ?? 0],
        ['Elasticsearch', servers.elasticsearch?.pid ?? 0],
      ];
      const cpu = () => {
        const micros = new Map<string, number>();
        for (const [name, pid] of pids) micros.set(name, (micros.get(name) ?? 0) + cpuMicros(pid));
        return micros;
      };
      const start = async (
        service: 'api' | 'indexer',
        name: string,
        more: Readonly<Record<string, string>> = {},
        checkout?: string,
      ): Promise<ServiceProcess> => {
        const from = checkout === undefined ? ([build] as const) : ([undefined, checkout] as const);
        const started = await startService(service, { ...env, ...more }, ...from);
        processes.push(started);
        pids.push([name, started.pid]);
        await started.ready();
        return started;
      };
      return {
        database,
        topics,
        index,
        env,
        startApi: (name = 'API', more) => start('api', name, more),
        startIndexer: () => start('indexer', 'indexer'),
        start: (service, name, checkout) => start(service, name, {}, checkout),
        countCpu: (name, pid) => {
          pids.push([name, pid]);
        },
        measureCpu: async (work) => {
          const before = cpu();
          const operations = await work();
          return Object.fromEntries(
            [...cpu()].map(([name, micros]) => [name, (micros - (before.get(name) ?? 0)) / operations]),
          );
        },
        threads: async () => ({
          Kafka: await threadMicros(servers.kafka?.pid ?? 0),
          Elasticsearch: await threadMicros(servers.elasticsearch?.pid ?? 0),
        }),
        bytes: async () => {
          const { rows } = await database.pool.query<{ log: string }>(
            `SELECT pg_current_wal_lsn() - '0/0'::pg_lsn AS log`,
          );
          await index.client.indices.flush({ index: index.alias });
          const { _all } = await index.client.indices.stats({ index: index.alias, metric: 'store' });
          return {
            'log of PostgreSQL': Number(rows[0]?.log),
            topic: topicBytes(dataDir, topics.tasks),
            index: _all.total?.store?.size_in_bytes ?? 0,
          };
        },
        topicBytes: (topic) => topicBytes(dataDir, topic),
        close: async () => {
          await Promise.all(processes.map(killProcess));
          await Promise.all([database.close(), topics.close(), index.close()]);
        },
      };
    },
    close: async () => {
      await stopServers(servers);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
};

/** Its partitions' folders, `<topic>-<number>`, have the records in files of this ending. */
const topicBytes = (folder: string, topic: string): number =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((file) => basename(file.parentPath).startsWith(`${topic}-`) && file.name.endsWith('.log'))
    .reduce((sum, file) => sum + statSync(join(file.parentPath, file.name)).size, 0);
