/** The indexer: topic `tasks` → search index. Composition root. */
import { exitOnInvalidConfig } from '../platform/env.ts';
import { startHealthServer } from '../platform/http/health.ts';
import { startService } from '../platform/start.ts';
import { placeTask } from '../task/env.ts';
import { readIndexerConfig } from './config.ts';
import { observeIndexSchema } from '../pipeline/index/schema-metrics.ts';
import { startIndexer } from '../pipeline/consume/indexer.ts';
import { createIndexerMetrics } from '../pipeline/consume/metrics.ts';

const config = exitOnInvalidConfig(() => readIndexerConfig(process.env));
const task = placeTask(config);
const { registry, logger, lifecycle, tracer, elasticsearch, renewals } = await startService('indexer', config);
observeIndexSchema(elasticsearch, task, registry);

const indexer = startIndexer({
  config,
  entity: task,
  elasticsearch,
  logger,
  metrics: createIndexerMetrics(registry),
  tracer,
  renewals,
  signal: lifecycle.signal,
});
const health = await startHealthServer({
  host: config.HOST,
  port: config.HEALTH_PORT,
  metrics: registry,
  ...indexer.health,
});
lifecycle.onClose('health server', 4_000, health.close);
lifecycle.onClose('consumer', config.SHUTDOWN_DEADLINE_MS - 2_000, indexer.close);
logger.info({ healthPort: health.port, group: task.group, topic: task.topic }, 'indexer started');
await indexer.running;
