/**
 * The names that both services and the infrastructure agree on: topics, consumer group, index alias and ports.
 * This module imports nothing, so that `infra/` can read it too.
 */

/** Topic of all task events, keyed by task id. */
export const TASKS_TOPIC = 'tasks';

/** Topic of the events that can never be indexed, each with its reason in the headers. */
export const DEAD_LETTER_TOPIC = 'tasks.dlq';

/** Consumer group of the indexer; KEDA watches its lag. */
export const INDEXER_GROUP = 'taskstream-indexer';

/** Groups of the one-shot commands begin with it: they may read the topics, and never move the indexer's offsets. */
export const OPS_GROUP_PREFIX = 'taskstream-ops';

/** Alias that the indexer writes to and search reads from. */
export const TASK_INDEX_ALIAS = 'tasks';

/** Name of an index behind `alias`; a reindex makes the one with the next number. */
export const indexNameOf = (alias: string, number: number): string => `${alias}-${String(number).padStart(6, '0')}`;

/** Name of the first index behind `alias`; later ones count up. */
export const firstIndexOf = (alias: string): string => indexNameOf(alias, 1);

/** TCP ports the services listen on. */
export const PORTS = { api: 9234, apiHealth: 9235, indexerHealth: 9236 } as const;

/** Exit code of a service that refuses its settings: EX_CONFIG of sysexits.h. */
export const EXIT_INVALID_CONFIGURATION = 78;

/** Largest record the tasks topic takes, in bytes. */
export const TASKS_MAX_MESSAGE_BYTES = 1_048_576;

/** A topic as every environment creates it: with the Kafka admin client locally, as a KafkaTopic on Kubernetes. */
export interface TopicSpec {
  readonly partitions: number;
  readonly config: Readonly<Record<string, string>>;
}

/**
 * Topic definitions.
 * `tasks` is compacted: the newest event of a task stays as long as the task lives, a deleted task's tombstone goes
 * after `delete.retention.ms`. The dead-letter topic takes records that are as large as a record of `tasks` plus the
 * headers that explain it.
 */
export const TOPICS = {
  tasks: {
    partitions: 12,
    config: {
      'cleanup.policy': 'compact',
      'max.message.bytes': String(TASKS_MAX_MESSAGE_BYTES),
      'delete.retention.ms': String(7 * 24 * 60 * 60 * 1000),
      'min.compaction.lag.ms': String(60 * 60 * 1000),
    },
  },
  deadLetter: {
    partitions: 1,
    config: {
      'cleanup.policy': 'delete',
      'max.message.bytes': String(2 * TASKS_MAX_MESSAGE_BYTES),
      'retention.ms': String(30 * 24 * 60 * 60 * 1000),
    },
  },
} as const satisfies Record<string, TopicSpec>;
