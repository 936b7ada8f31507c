/** How every service starts: with its log, its metrics, its stop, its traces and Elasticsearch. */
import { collectDefaultMetrics, Registry } from 'prom-client';
import { observeRenewals } from './renewals.ts';
import { createElasticsearch } from './elasticsearch.ts';
import { createLifecycle } from './lifecycle.ts';
import { createLogger } from './logger.ts';
import { startTelemetry } from './telemetry.ts';
import { withDeadline } from './time.ts';

type Config = Parameters<typeof observeRenewals>[0] &
  Parameters<typeof createElasticsearch>[0] & {
    readonly LOG_LEVEL: Parameters<typeof createLogger>[0]['level'];
    readonly SHUTDOWN_DEADLINE_MS: number;
    readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined;
  };

/** How long a stop waits for a collector that takes no traces. */
const LAST_TRACES_MS = 2_000;

/** @param name as the log calls the service; its traces call it `taskstream-<name>` */
export const startService = async (name: string, config: Config) => {
  const registry = new Registry();
  const logger = createLogger({ service: name, level: config.LOG_LEVEL, registry });
  const lifecycle = createLifecycle({ logger, deadlineMs: config.SHUTDOWN_DEADLINE_MS });
  collectDefaultMetrics({ register: registry });
  const renewals = observeRenewals(config, registry, logger);
  const { tracer, close } = await startTelemetry(`taskstream-${name}`, config.OTEL_EXPORTER_OTLP_ENDPOINT);
  lifecycle.onClose('telemetry', 3_000, async () => {
    // Traces are no data of anybody's: a stop without the last ones is clean.
    await withDeadline(close(), LAST_TRACES_MS, 'sending').catch((error: unknown) => {
      logger.warn({ err: error }, 'the last traces were not sent');
    });
  });
  const elasticsearch = createElasticsearch(config);
  lifecycle.onClose('elasticsearch', 4_000, () => elasticsearch.close());
  return { registry, logger, lifecycle, tracer, elasticsearch, renewals };
};
