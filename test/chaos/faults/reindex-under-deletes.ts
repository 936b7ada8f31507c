/** The index is built anew while clients write and delete; then older events of deleted tasks come again. */
import { runOps } from '../../support/ops.ts';
import type { Fault } from './fault.ts';
import { repeatBeforeDeletions } from './records.ts';

export const reindexUnderDeletes: Fault = {
  name: 'reindex-under-deletes',
  graceful: false,
  touches: ['elasticsearch', 'index', 'topic', 'postgres', 'kafka'],
  inject: async ({ servers, database, topics, index }, random) => {
    const { code, stderr } = await runOps(['reindex', '--source', random.pick(['postgres', 'topic'])], {
      DATABASE_URL: database.url,
      KAFKA_BROKERS: servers.urls.kafka,
      ELASTICSEARCH_URL: servers.urls.elasticsearch,
      TASKS_TOPIC: topics.tasks,
      DEAD_LETTER_TOPIC: topics.deadLetters,
      TASK_INDEX: index.alias,
      LOG_LEVEL: 'warn',
    });
    if (code !== 0) throw new Error(`reindex ended with ${code}: ${stderr}`);
    await repeatBeforeDeletions(topics, random);
  },
};
