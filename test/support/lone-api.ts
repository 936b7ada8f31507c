/** The HTTP application inside the test process, listening on a real port, with no server behind it. */
import { connect } from 'node:net';
import { Writable } from 'node:stream';
import { trace } from '@opentelemetry/api';
import { Client } from '@elastic/elasticsearch';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { createApp, type AppOptions } from '../../services/api/app.ts';
import { createSearchBreaker } from '../../services/pipeline/index/breaker.ts';
import { closeServer, type ConnectionConfig } from '../../services/platform/http/connections.ts';
import { listen } from '../../services/platform/http/health.ts';
import { createApiMetrics } from '../../services/platform/http/metrics.ts';
import { readEnv } from '../../services/platform/env.ts';
import { createPool, postgresEnv } from '../../services/platform/postgres.ts';
import { taskRoutes } from '../../services/task/routes.ts';
import { createTaskSearch, createTaskStore } from '../../services/task/store.ts';
import { taskIn } from './task.ts';

export interface LoneApi {
  readonly url: string;
  readonly port: number;
  /** What it logged. */
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  /** How often it answered so, by status. */
  statuses(): Promise<Readonly<Record<string, number>>>;
  /** Which of Hono's routers answers, once one has. */
  router(): string;
  close(): Promise<void>;
}

/** Nobody listens there. */
const NOWHERE = '127.0.0.1:1';

/** @param connections times and numbers of the server's connections, the defaults when not given */
export const startLoneApi = async (
  options: Partial<AppOptions> = {},
  connections?: ConnectionConfig,
): Promise<LoneApi> => {
  const lines: Record<string, unknown>[] = [];
  const logger = pino(
    { level: 'info' },
    new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
        done();
      },
    }),
  );
  const metrics = createApiMetrics(new Registry());
  const pool = createPool(readEnv(postgresEnv, { DATABASE_URL: `postgres://${NOWHERE}/tasks` }), 'test', logger);
  const client = new Client({ node: `http://${NOWHERE}`, maxRetries: 0 });
  const breaker = createSearchBreaker({ resetMs: 500, registry: new Registry(), logger });
  const app = createApp({
    entities: [taskIn()],
    routes: taskRoutes({
      store: createTaskStore({ pool, entity: taskIn(), onCommit: () => undefined, onBatch: () => undefined }),
      search: createTaskSearch({ client, alias: 'tasks', timeoutMs: 5_000, breaker }),
    }),
    logger,
    tracer: trace.getTracer('test'),
    metrics,
    corsOrigins: [],
    rateLimitPerMinute: 0,
    trustedProxies: 0,
    isStopping: () => false,
    ...options,
  });
  const { server, port } = await listen(
    app.fetch,
    '127.0.0.1',
    0,
    connections === undefined ? {} : { config: connections },
  );
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    lines,
    statuses: async () => {
      const { values } = await metrics.requests.get();
      const counts: Record<string, number> = {};
      for (const { labels, value } of values) {
        const status = String(labels.status);
        counts[status] = (counts[status] ?? 0) + value;
      }
      return counts;
    },
    router: () => app.router.name,
    close: async () => {
      await closeServer(server);
      breaker.close();
      await Promise.all([pool.end(), client.close()]);
    },
  };
};

/** Sends bytes, and hangs up `afterMs` later. */
export const hangUp = (port: number, bytes: string, afterMs: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(bytes);
      setTimeout(() => socket.destroy(), afterMs);
    });
    socket.on('close', () => {
      resolve();
    });
    socket.on('error', reject);
  });
