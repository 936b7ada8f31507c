/** The API: HTTP → PostgreSQL, and the relay that publishes what was written. Composition root. */
import { createTokenVerifier } from '../platform/auth/tokens.ts';
import { connectionsThatFit } from '../platform/descriptors.ts';
import { exitOnInvalidConfig } from '../platform/env.ts';
import { drainServer, HEALTH_CONNECTIONS, listen, startHealthServer } from '../platform/http/health.ts';
import { missingMigrations } from '../platform/migrate.ts';
import { createPools } from '../platform/postgres.ts';
import { observeCommits } from '../platform/postgres-slots.ts';
import { startService } from '../platform/start.ts';
import { createApp } from './app.ts';
import { AFTER_HTTP_MS, readApiConfig, scopesOf } from './config.ts';
import { hasLogin } from './console/config.ts';
import { createConsole } from './console/console.ts';
import { createConsoleLogin, loginProviderOf } from './console/login.ts';
import { createSessions } from './console/session.ts';
import { placeTask } from '../task/env.ts';
import { readinessChecks } from './health.ts';
import { countRequests, createApiMetrics } from '../platform/http/metrics.ts';
import { createRelayMetrics, observeOutbox } from '../pipeline/relay/metrics.ts';
import { startRelay } from '../pipeline/relay/relay.ts';
import { createSearchBreaker } from '../pipeline/index/breaker.ts';
import { purgeRegularly } from '../pipeline/write/idempotency.ts';
import { boundOutbox } from '../pipeline/write/outbox.ts';
import { MIGRATIONS } from '../task/migrations.ts';
import { taskRoutes } from '../task/routes.ts';
import { createTaskSearch, createTaskStore, warmUpSearch } from '../task/store.ts';
import { observeVerifyRuns } from '../pipeline/verify/runs.ts';

const config = exitOnInvalidConfig(() => readApiConfig(process.env));
const maxConnections = exitOnInvalidConfig(() =>
  connectionsThatFit(config.MAX_CONNECTIONS, HEALTH_CONNECTIONS + config.DATABASE_POOL_SIZE),
);
const task = placeTask(config);
const { registry, logger, lifecycle, tracer, elasticsearch, renewals } = await startService('api', config);
const { reads: pool, writes } = createPools(config, 'taskstream-api', logger);
lifecycle.onClose('pools', 3_000, () => Promise.all([pool.end(), writes.end()]));
observeCommits(writes, registry);
const bound = boundOutbox(pool, {
  maxRows: config.OUTBOX_MAX_ROWS,
  maxBytes: config.OUTBOX_MAX_BYTES,
  logger,
  signal: lifecycle.signal,
});
observeOutbox(pool, registry, bound);
observeVerifyRuns(pool, [task], registry);
const relay = startRelay({ config, entities: [task], logger, metrics: createRelayMetrics(registry), tracer, renewals });
lifecycle.onClose('relay', 9_000, relay.close);
void purgeRegularly(writes, config.IDEMPOTENCY_KEY_TTL_HOURS, logger, lifecycle.signal);

const breaker = createSearchBreaker({ resetMs: config.SEARCH_BREAKER_RESET_MS, registry, logger });
const metrics = createApiMetrics(registry);
const sessions = hasLogin(config) ? createSessions(config) : undefined;
const authentication =
  config.AUTH === 'none'
    ? undefined
    : {
        verifier: createTokenVerifier(config, logger),
        issuer: config.AUTH_ISSUER ?? '',
        scopes: scopesOf(config),
        sessions,
      };
if (authentication === undefined) logger.warn('AUTH=none: whoever reaches this API may read and change everything');
const isStopping = (): boolean => lifecycle.signal.aborted;
const login =
  hasLogin(config) && sessions !== undefined && authentication !== undefined
    ? createConsoleLogin({ ...authentication, sessions, provider: loginProviderOf(config, logger) })
    : undefined;
const taskConsole = config.CONSOLE
  ? createConsole({ config, task, pool, elasticsearch, logger, login, requestCounts: () => countRequests(metrics) })
  : undefined;
if (taskConsole !== undefined) {
  lifecycle.signal.addEventListener('abort', taskConsole.endStreams);
  lifecycle.onClose('console', 3_000, taskConsole.close);
}
const search = createTaskSearch({
  client: elasticsearch,
  alias: task.alias,
  timeoutMs: config.SEARCH_TIMEOUT_MS,
  breaker,
});
const app = createApp({
  routes: taskRoutes({
    store: createTaskStore({
      pool,
      writes,
      entity: task,
      bound,
      onCommit: relay.wake,
      onBatch: (operation, size) => {
        metrics.gathered.observe({ entity: task.name, operation }, size);
      },
    }),
    search,
  }),
  entities: [task],
  logger,
  tracer,
  metrics,
  corsOrigins: config.CORS_ORIGINS,
  rateLimitPerMinute: config.RATE_LIMIT_PER_MINUTE,
  trustedProxies: config.TRUST_PROXY,
  isStopping,
  authentication,
  taskConsole,
});

const ready = readinessChecks({
  pool,
  missing: missingMigrations(pool, MIGRATIONS),
  elasticsearch,
  alias: task.alias,
  warmUp: (forMs) => warmUpSearch({ client: elasticsearch, alias: task.alias }, forMs, lifecycle.signal),
  isStopping,
});
const health = await startHealthServer({
  host: config.HOST,
  port: config.HEALTH_PORT,
  live: [],
  ready,
  metrics: registry,
});
lifecycle.onClose('health server', 4_000, health.close);
const { server, port } = await listen(app.fetch, config.HOST, config.PORT, { maxConnections, config });
server.on('drop', () => {
  metrics.connectionsDropped.inc();
});
lifecycle.onClose('http server', config.SHUTDOWN_DEADLINE_MS - AFTER_HTTP_MS, () =>
  drainServer(server, config.DRAIN_DELAY_MS),
);
logger.info({ port, healthPort: health.port, maxConnections }, 'api started');
