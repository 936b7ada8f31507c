/**
 * The names that the services and the infrastructure agree on: topics, consumer group, index alias and ports.
 * It reads only modules that import nothing, so that `infra/` can read it too: the one file of the services that it reads.
 */
import { deadLetterTopic, eventTopic } from '../pipeline/topics.ts';

export { GROUP_TIMES, type TopicSpec } from '../pipeline/topics.ts';
export { EXIT_INVALID_CONFIGURATION, OPS_GROUP_PREFIX } from '../platform/product.ts';

/** Topic of all task events, keyed by task id. */
export const TASKS_TOPIC = 'tasks';

/** Topic of the events that can never be indexed, each with its reason in the headers. */
export const DEAD_LETTER_TOPIC = 'tasks.dlq';

/** Consumer group of the indexer; KEDA watches its lag. */
export const INDEXER_GROUP = 'taskstream-indexer';

/** Alias that the indexer writes to and search reads from. */
export const TASK_INDEX_ALIAS = 'tasks';

/** TCP ports the services listen on. */
export const PORTS = { api: 9234, apiHealth: 9235, indexerHealth: 9236 } as const;

/** Topic definitions. */
export const TOPICS = { tasks: eventTopic(12), deadLetter: deadLetterTopic() };
