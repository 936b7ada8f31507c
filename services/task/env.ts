/** The names of the task's topics, alias and group, as environment variables. */
import { text, type EnvSpec, type EnvValues } from '../platform/env.ts';
import type { PlacedEntity } from '../pipeline/entity.ts';
import { taskEntity } from './entity.ts';
import { DEAD_LETTER_TOPIC, INDEXER_GROUP, TASK_INDEX_ALIAS, TASKS_TOPIC } from './resources.ts';

export const taskEnv = {
  TASKS_TOPIC: {
    schema: text().default(TASKS_TOPIC),
    defaultText: TASKS_TOPIC,
    description: 'Topic of the task events.',
  },
  DEAD_LETTER_TOPIC: {
    schema: text().default(DEAD_LETTER_TOPIC),
    defaultText: DEAD_LETTER_TOPIC,
    description: 'Topic of the events that could not be indexed.',
  },
  TASK_INDEX: {
    schema: text().default(TASK_INDEX_ALIAS),
    defaultText: TASK_INDEX_ALIAS,
    description: 'Alias that tasks are indexed to and searched in.',
  },
  CONSUMER_GROUP: {
    schema: text().default(INDEXER_GROUP),
    defaultText: INDEXER_GROUP,
    description: 'Consumer group of the indexers.',
  },
} as const satisfies EnvSpec;

/** The task where these settings put it. */
export const placeTask = (config: EnvValues<typeof taskEnv>): PlacedEntity => ({
  ...taskEntity,
  topic: config.TASKS_TOPIC,
  deadLetterTopic: config.DEAD_LETTER_TOPIC,
  alias: config.TASK_INDEX,
  group: config.CONSUMER_GROUP,
});
