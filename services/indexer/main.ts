/** The indexer: topic `tasks` → search index. Composition root. */
import { collectDefaultMetrics, Registry } from 'prom-client';
import { observeCertificates } from '../platform/certificates.ts';
import { createElasticsearch } from '../platform/elasticsearch.ts';
import { exitOnInvalidConfig } from '../platform/env.ts';
import { startHealthServer } from '../platform/http/health.ts';
import { createLifecycle } from '../platform/lifecycle.ts';
import { createLogger } from '../platform/logger.ts';
import { startTelemetry } from '../platform/telemetry.ts';
import { placeTask } from '../task/env.ts';
import { readIndexerConfig } from './config.ts';
import { observeIndexSchema } from '../pipeline/index/schema-metrics.ts';
import { startIndexer } from '../pipeline/consume/indexer.ts';
import { createIndexerMetrics } from '../pipeline/consume/metrics.ts';

const config = exitOnInvalidConfig(() => readIndexerConfig(process.env));
const task = placeTask(config);
const registry = new Registry();
const logger = createLogger({ service: 'indexer', level: config.LOG_LEVEL, registry });
const lifecycle = createLifecycle({ logger, deadlineMs: config.SHUTDOWN_DEADLINE_MS });
collectDefaultMetrics({ register: registry });
observeCertificates(config, registry, logger);

const telemetry = await startTelemetry('taskstream-indexer', config.OTEL_EXPORTER_OTLP_ENDPOINT);
lifecycle.onClose('telemetry', 3_000, telemetry.close);

const elasticsearch = createElasticsearch(config);
lifecycle.onClose('elasticsearch', 4_000, () => elasticsearch.close());

observeIndexSchema(elasticsearch, task, registry);

const indexer = startIndexer({
  config,
  entity: task,
  elasticsearch,
  logger,
  metrics: createIndexerMetrics(registry),
  tracer: telemetry.tracer,
  signal: lifecycle.signal,
});
const health = await startHealthServer({
  host: config.HOST,
  port: config.HEALTH_PORT,
  metrics: registry,
  ...indexer.health,
});
lifecycle.onClose('health server', 4_000, health.close);
lifecycle.onClose('consumer', config.SHUTDOWN_DEADLINE_MS - 4_000, indexer.close);
logger.info({ healthPort: health.port, group: task.group, topic: task.topic }, 'indexer started');
await indexer.running;
