/** What `ops migrate` does. */
import { migrate } from '../../platform/migrate.ts';
import { migrateIndex } from '../../pipeline/index/search-index.ts';
import { createElasticsearch } from '../../platform/elasticsearch.ts';
import { messageOf } from '../../platform/errors.ts';
import { createLogger, type Logger } from '../../platform/logger.ts';
import { retry } from '../../platform/retry.ts';
import { MIGRATIONS } from '../../task/migrations.ts';
import { placeTask } from '../../task/env.ts';
import { indexOptions, readMigrateConfig, type MigrateConfig } from '../env.ts';

const createIndex = async (config: MigrateConfig, logger: Logger): Promise<void> => {
  const client = createElasticsearch(config);
  const entity = placeTask(config);
  const { alias } = entity;
  try {
    const { created, pendingReindex } = await retry(
      () => migrateIndex(client, entity, { alias, ...indexOptions(config) }),
      {
        backoff: { baseMs: 500, maxMs: 5_000 },
        deadlineMs: config.MIGRATE_DEADLINE_MS,
        onRetry: (error, attempt) => {
          logger.warn({ reason: messageOf(error), attempt }, 'Elasticsearch does not answer: trying again');
        },
      },
    );
    logger.info({ alias, created }, created ? 'search index created' : 'search index is there');
    if (pendingReindex.length > 0) {
      logger.warn(
        { alias, pendingReindex },
        'the index keeps parts of its old mapping: searches find what they found before until ops reindex has run',
      );
    }
  } finally {
    await client.close();
  }
};

export const migrateAll = async () => {
  const config = readMigrateConfig(process.env);
  const logger = createLogger({ service: 'migrate', level: config.LOG_LEVEL });
  await migrate(config, MIGRATIONS, logger, config.MIGRATE_DEADLINE_MS);
  await createIndex(config, logger);
};
