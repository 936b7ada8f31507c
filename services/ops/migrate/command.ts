/** `ops migrate`: the database schema and the search index, before a new version serves. Safe to run twice at once. */
import { Command } from 'commander';
import { migrate } from '../../platform/migrate.ts';
import { migrateIndex } from '../../pipeline/index/search-index.ts';
import { createElasticsearch, statusOf } from '../../platform/elasticsearch.ts';
import { messageOf } from '../../platform/errors.ts';
import { createLogger, type Logger } from '../../platform/logger.ts';
import { backoffMs, sleep } from '../../platform/time.ts';
import { MIGRATIONS } from '../../task/migrations.ts';
import { placeTask } from '../../task/env.ts';
import { indexOptions, readMigrateConfig, type MigrateConfig } from '../env.ts';

export const migrateCommand = (): Command =>
  new Command('migrate')
    .description('bring the database schema and the mapping of the search index up to date; create what is missing')
    .addHelpText('after', '\nReads DATABASE_URL, ELASTICSEARCH_URL and their companions (docs/configuration.md).')
    .action(async () => {
      const config = readMigrateConfig(process.env);
      const logger = createLogger({ service: 'migrate', level: config.LOG_LEVEL });
      await migrate(config, MIGRATIONS, logger, config.MIGRATE_DEADLINE_MS);
      await createIndex(config, logger);
    });

const createIndex = async (config: MigrateConfig, logger: Logger): Promise<void> => {
  const client = createElasticsearch(config);
  const entity = placeTask(config);
  const { alias } = entity;
  const deadlineAt = performance.now() + config.MIGRATE_DEADLINE_MS;
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const { created, pendingReindex } = await migrateIndex(client, entity, { alias, ...indexOptions(config) });
        logger.info({ alias, created }, created ? 'search index created' : 'search index is there');
        if (pendingReindex.length > 0) {
          logger.warn(
            { alias, pendingReindex },
            'the index keeps parts of its old mapping: searches find what they found before until ops reindex has run',
          );
        }
        return;
      } catch (error) {
        const status = statusOf(error);
        // Waiting heals an outage, and nothing else.
        if ((status !== undefined && status < 500 && status !== 429) || performance.now() > deadlineAt) throw error;
        logger.warn({ reason: messageOf(error), attempt }, 'Elasticsearch does not answer: trying again');
        await sleep(backoffMs(attempt, { baseMs: 500, maxMs: 5_000 }));
      }
    }
  } finally {
    await client.close();
  }
};
