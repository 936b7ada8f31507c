/** The whole pipeline with a database, topics and an index of its own; its services run as real processes. */
import { inject } from 'vitest';
import type { Task } from '../../services/task/task.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { createTestTopics, type TestTopicOptions, type TestTopics } from './kafka.ts';
import { killProcess, startService, type ServiceProcess } from './process.ts';
import { createTestIndex, type TestIndex } from './search-index.ts';
import { waitFor } from './wait.ts';
import { creationOf, searchFor } from './sample.ts';

export interface Pipeline {
  readonly database: TestDatabase;
  readonly topics: TestTopics;
  readonly index: TestIndex;
  /** Settings that point a process at this pipeline. */
  readonly env: Readonly<Record<string, string>>;
  startApi(env?: Readonly<Record<string, string>>): Promise<ServiceProcess>;
  startIndexer(env?: Readonly<Record<string, string>>): Promise<ServiceProcess>;
  /** Waits until the set of (id, version) in the index equals the one in PostgreSQL. */
  converged(timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

export const createPipeline = async (topicOptions: TestTopicOptions = {}): Promise<Pipeline> => {
  const kafkaBrokers = inject('kafkaBrokers');
  const elasticsearchUrl = inject('elasticsearchUrl');
  const [database, topics, index] = await Promise.all([
    createTestDatabase(inject('databaseUrl')),
    createTestTopics(kafkaBrokers, topicOptions),
    createTestIndex(elasticsearchUrl),
  ]);
  const env = {
    DATABASE_URL: database.url,
    KAFKA_BROKERS: kafkaBrokers,
    ELASTICSEARCH_URL: elasticsearchUrl,
    TASKS_TOPIC: topics.tasks,
    DEAD_LETTER_TOPIC: topics.deadLetters,
    TASK_INDEX: index.alias,
    CONSUMER_GROUP: `group-${topics.tasks}`,
    // Longer than this machine ever stands still: a test wants nothing read twice that nobody interrupted.
    SESSION_TIMEOUT_MS: '45000',
    SEARCH_TIMEOUT_MS: '60000',
    // Each wait of a test is one for batches too.
    FRESHNESS_TARGET_MS: '100',
    LOG_LEVEL: 'warn',
  };
  const processes: ServiceProcess[] = [];
  const start = async (service: 'api' | 'indexer', extra: Readonly<Record<string, string>> = {}) => {
    const started = await startService(service, { ...env, ...extra });
    processes.push(started);
    await started.ready();
    return started;
  };
  return {
    database,
    topics,
    index,
    env,
    startApi: (extra) => start('api', extra),
    startIndexer: (extra) => start('indexer', extra),
    converged: async (timeoutMs = 60_000) => {
      await waitFor(
        'index and database to be equal',
        async () => {
          const [rows, documents] = [await database.versions(), await index.versions()];
          const differing = [...rows].filter(([id, version]) => documents.get(id) !== version);
          if (differing.length > 0 || rows.size !== documents.size) {
            throw new Error(`${differing.length} differ; ${rows.size} rows, ${documents.size} documents`);
          }
          return true;
        },
        { timeoutMs, intervalMs: 200 },
      );
    },
    close: async () => {
      await Promise.all(processes.map(killProcess));
      await Promise.all([database.close(), topics.close(), index.close()]);
    },
  };
};

/** Calls the API; the answer's body is parsed when there is one. */
export const call = async (
  api: ServiceProcess,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; headers: Headers; body: unknown }> => {
  const response = await fetch(`http://127.0.0.1:${api.port}${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
};

/** Creates a task. @throws when the answer is not 201 */
export const createTask = async (
  api: ServiceProcess,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Task> => {
  const { status, body } = await call(api, 'POST', '/tasks', creationOf(text), headers);
  if (status !== 201) throw new Error(`POST /tasks answered ${status}: ${JSON.stringify(body)}`);
  return (body as { task: Task }).task;
};

/** Searches for words of a task's text. */
export const search = async (
  api: ServiceProcess,
  words: string,
  more: object = {},
): Promise<{ tasks: Task[]; total: number }> => {
  const { status, body } = await call(api, 'POST', '/tasks/search', { ...searchFor(words), ...more });
  if (status !== 200) throw new Error(`search answered ${status}: ${JSON.stringify(body)}`);
  return body as { tasks: Task[]; total: number };
};
