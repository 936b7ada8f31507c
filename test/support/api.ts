/** The HTTP application inside the test process, listening on a real port, with a database and an index of its own. */
import { trace } from '@opentelemetry/api';
import { Registry } from 'prom-client';
import { inject } from 'vitest';
import { createApp, type AppOptions } from '../../services/api/app.ts';
import { createApiMetrics } from '../../services/platform/http/metrics.ts';
import { createSearchBreaker } from '../../services/pipeline/index/breaker.ts';
import type { EntityStore } from '../../services/pipeline/write/store.ts';
import { taskRoutes } from '../../services/task/routes.ts';
import { createTaskSearch, createTaskStore } from '../../services/task/store.ts';
import { closeServer } from '../../services/platform/http/connections.ts';
import { listen } from '../../services/platform/http/health.ts';
import { createLogger } from '../../services/platform/logger.ts';
import { readEnv } from '../../services/platform/env.ts';
import { createElasticsearch, elasticsearchEnv } from '../../services/platform/elasticsearch.ts';
import { createPool, postgresEnv } from '../../services/platform/postgres.ts';
import type { Task } from '../../services/task/task.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { taskIn } from './task.ts';
import { createTestIndex, type TestIndex } from './search-index.ts';

export interface TestApi {
  readonly url: string;
  readonly database: TestDatabase;
  readonly index: TestIndex;
  readonly store: EntityStore;
  /** Sends a request; a body that is not text is sent as JSON. */
  request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  close(): Promise<void>;
}

/** What the calls answer, all in one shape: a test states which fields it expects. */
export interface AnswerBody {
  readonly task: Task;
  readonly tasks: Task[];
  readonly total: number;
  readonly nextCursor: string | null;
  readonly highlights?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly code: string;
  readonly error: string;
  readonly detail: string;
  readonly errors: { path: string; message: string }[];
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: AnswerBody;
  readonly text: string;
}

export interface TestApiOptions extends Partial<
  Pick<AppOptions, 'rateLimitPerMinute' | 'corsOrigins' | 'authentication'>
> {
  /** Replaces the port of PostgreSQL for the application, but not for the test. */
  readonly databasePort?: number;
  /** The user of the application, by a password that is the same; the owner of the database when not given. */
  readonly databaseUser?: string;
  /** Settings of the application's connections. */
  readonly databaseEnv?: Readonly<Record<string, string>>;
  readonly elasticsearchUrl?: string;
  /** On that Elasticsearch; on the one of all tests when not given. */
  readonly index?: TestIndex;
  /** How long a search may take: longer than this machine ever stands still, where a test does not say. */
  readonly searchTimeoutMs?: number;
}

export const startTestApi = async (options: TestApiOptions = {}): Promise<TestApi> => {
  const [database, index] = await Promise.all([
    createTestDatabase(inject('databaseUrl')),
    options.index ?? createTestIndex(inject('elasticsearchUrl')),
  ]);
  const databaseUrl = new URL(database.url);
  if (options.databasePort !== undefined) databaseUrl.port = String(options.databasePort);
  if (options.databaseUser !== undefined) databaseUrl.username = databaseUrl.password = options.databaseUser;
  const logger = createLogger({ service: 'api', level: 'silent' });
  const registry = new Registry();
  const pool = createPool(
    readEnv(postgresEnv, {
      DATABASE_URL: databaseUrl.href,
      DATABASE_STATEMENT_TIMEOUT_MS: '60000',
      ...options.databaseEnv,
    }),
    'test',
    logger,
  );
  const client = createElasticsearch(
    readEnv(elasticsearchEnv, { ELASTICSEARCH_URL: options.elasticsearchUrl ?? inject('elasticsearchUrl') }),
  );
  const breaker = createSearchBreaker({ resetMs: 500, registry, logger });
  const task = taskIn();
  const store = createTaskStore({ pool, entity: task, onCommit: () => undefined, onBatch: () => undefined });
  const app = createApp({
    routes: taskRoutes({
      store,
      search: createTaskSearch({ client, alias: index.alias, timeoutMs: options.searchTimeoutMs ?? 30_000, breaker }),
    }),
    entities: [task],
    logger,
    tracer: trace.getTracer('test'),
    metrics: createApiMetrics(registry),
    corsOrigins: [],
    rateLimitPerMinute: 0,
    trustedProxies: 0,
    isStopping: () => false,
    ...options,
  });
  const { server, port } = await listen(app.fetch, '127.0.0.1', 0);
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    database,
    index,
    store,
    request: async (method, path, body, headers = {}) => {
      const response = await fetch(url + path, {
        method,
        redirect: 'manual',
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = text !== '' && response.headers.get('content-type')?.includes('json') === true;
      const parsed = (isJson ? JSON.parse(text) : {}) as AnswerBody;
      return { status: response.status, headers: response.headers, body: parsed, text };
    },
    close: async () => {
      await closeServer(server);
      breaker.close();
      await Promise.all([pool.end(), client.close()]);
      await Promise.all([database.close(), index.close()]);
    },
  };
};
