/**
 * What a run acts on: the real servers behind proxies, two API replicas and some indexers as processes, and a database,
 * topics and an index of the run's own.
 */
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestTopics, type TestTopics } from '../support/kafka.ts';
import {
  CONTAINER,
  hasEnded,
  killProcess,
  startService,
  stopProcess,
  type ServiceProcess,
} from '../support/process.ts';
import { createTestIndex, type TestIndex } from '../support/search-index.ts';
import { createTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { createClock, type Clock } from './clock.ts';
import { SESSION_MS, type Servers } from './servers.ts';

/** An API with the proxy that its clients go through. */
export interface Api extends ServiceProcess {
  readonly proxy: TcpProxy;
}

export interface World {
  readonly servers: Servers;
  readonly database: TestDatabase;
  readonly topics: TestTopics;
  readonly index: TestIndex;
  readonly group: string;
  readonly clock: Clock;
  readonly apis: Api[];
  readonly indexers: ServiceProcess[];
  /** @param settings what it has other than the rest of them */
  readonly startApi: (settings?: Readonly<Record<string, string>>) => Promise<void>;
  readonly startIndexer: () => Promise<void>;
  /**
   * Whether an indexer, of all that there were, said that events are read again: its session ended while the machine
   * stood still, the last commit of its partitions was not confirmed in time, or its last batch did not finish.
   */
  readonly saidReadAgain: () => boolean;
  close(): Promise<void>;
}

/** The indexer's own words (`services/pipeline/consume/consumer.ts`). */
const READ_AGAIN = /read again|left to the next owner/;

export interface WorldOptions {
  /** Of the topic of tasks. */
  readonly partitions: number;
  /** Folder of the compiled services. */
  readonly build: string;
  /** Settings of that topic that differ from the product's. */
  readonly topicConfig?: Readonly<Record<string, string>>;
  /** Settings of all services that differ. */
  readonly serviceEnv?: Readonly<Record<string, string>>;
}

/** For one question of the checker or the observer to Elasticsearch: a node that stands still answers none. */
const REQUEST_MS = 10_000;

export const createWorld = async (
  servers: Servers,
  { partitions, build, topicConfig = {}, serviceEnv = {} }: WorldOptions,
): Promise<World> => {
  const { urls, serviceUrls, copies } = servers;
  const [database, topics, index] = await Promise.all([
    createTestDatabase(urls.postgres),
    createTestTopics(urls.kafka, { partitions, config: topicConfig, copies }),
    createTestIndex(urls.elasticsearch, { replicas: copies - 1 }, REQUEST_MS),
  ]);
  // A server that is killed takes the checker's connections with it.
  database.pool.on('error', () => undefined);
  const clock = await createClock(database);
  const group = `group-${topics.tasks}`;
  const shared = {
    ...clock.env,
    NODE_OPTIONS: `${clock.env.NODE_OPTIONS} ${CONTAINER.nodeOptions}`,
    TASKS_TOPIC: topics.tasks,
    DEAD_LETTER_TOPIC: topics.deadLetters,
    TASK_INDEX: index.alias,
    SESSION_TIMEOUT_MS: SESSION_MS,
    LOG_LEVEL: 'warn',
    ...serviceEnv,
  };
  const env = {
    api: {
      ...shared,
      DATABASE_URL: Object.assign(new URL(serviceUrls.api.postgres), { pathname: new URL(database.url).pathname }).href,
      KAFKA_BROKERS: serviceUrls.api.kafka,
      ELASTICSEARCH_URL: serviceUrls.api.elasticsearch,
    },
    indexer: {
      ...shared,
      CONSUMER_GROUP: group,
      KAFKA_BROKERS: serviceUrls.indexer.kafka,
      ELASTICSEARCH_URL: serviceUrls.indexer.elasticsearch,
    },
  };
  const proxies: TcpProxy[] = [];
  const apis: Api[] = [];
  const indexers: ServiceProcess[] = [];
  const everStarted: ServiceProcess[] = [];
  return {
    servers,
    database,
    topics,
    index,
    group,
    clock,
    apis,
    indexers,
    startApi: async (settings) => {
      const started = await startService('api', { ...env.api, ...settings }, build);
      const proxy = await createTcpProxy(started.port);
      proxies.push(proxy);
      // Before it is ready: what a failed start leaves behind is ended with the world.
      const api = { ...started, proxy };
      apis.push(api);
      await api.ready();
    },
    startIndexer: async () => {
      const started = await startService('indexer', env.indexer, build);
      indexers.push(started);
      everStarted.push(started);
      await started.ready();
    },
    saidReadAgain: () => everStarted.some((indexer) => READ_AGAIN.test(indexer.logs())),
    close: async () => {
      await Promise.all([...apis, ...indexers].map((service) => stopOrKill(service)));
      await Promise.all(proxies.map((proxy) => proxy.close()));
      await Promise.all([database.close(), topics.close(), index.close()]);
      clock.close();
    },
  };
};

const STOP_MS = 20_000;

const stopOrKill = async (service: ServiceProcess): Promise<void> => {
  const timer = setTimeout(() => void killProcess(service), STOP_MS);
  await (hasEnded(service) ? service.exited : stopProcess(service));
  clearTimeout(timer);
};
