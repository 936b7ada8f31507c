/**
 * The API as it would be without gathering: the same application and statement, one statement for each request.
 * It answers its order with its port, and serves until it is killed.
 */
import { trace } from '@opentelemetry/api';
import { Registry } from 'prom-client';
import { createApp } from '../../../services/api/app.ts';
import { createApiMetrics } from '../../../services/platform/http/metrics.ts';
import { taskRoutes } from '../../../services/task/routes.ts';
import { createTaskStore } from '../../../services/task/store.ts';
import { readEnv } from '../../../services/platform/env.ts';
import { listen } from '../../../services/platform/http/health.ts';
import { createLogger } from '../../../services/platform/logger.ts';
import { createTasks, taskIn } from '../../support/task.ts';
import { createPool, postgresEnv } from '../../../services/platform/postgres.ts';

const logger = createLogger({ service: 'bench', level: 'warn' });
const pool = createPool(readEnv(postgresEnv, process.env), 'bench', logger);
const task = taskIn(process.env as Record<string, string>);
const store = createTaskStore({ pool, entity: task, onCommit: () => undefined, onBatch: () => undefined });
const app = createApp({
  routes: taskRoutes({
    store: {
      ...store,
      create: async (command) => {
        const [result] = await createTasks(pool, task, [command]);
        if (result === undefined || result instanceof Error) throw result ?? new Error('no result');
        return result;
      },
    },
    search: { find: () => Promise.reject(new Error('not part of this bench')) },
  }),
  entities: [task],
  logger,
  tracer: trace.getTracer('bench'),
  metrics: createApiMetrics(new Registry()),
  corsOrigins: [],
  rateLimitPerMinute: 0,
  trustedProxies: 0,
  isStopping: () => false,
});
const { port } = await listen(app.fetch, '127.0.0.1', 0);
process.on('disconnect', () => process.exit(0));
process.send?.({ port });
