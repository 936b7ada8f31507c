/**
 * What the topics and indices of every entity have in common. This module imports nothing, so that `infra/` can read it
 * through `services/task/resources.ts`.
 */

/** Largest event, in bytes. */
export const MAX_EVENT_BYTES = 1_048_576;

/** A topic as every environment creates it: with the Kafka admin client locally, as a KafkaTopic on Kubernetes. */
export interface TopicSpec {
  readonly partitions: number;
  readonly config: Readonly<Record<string, string>>;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * The topic of an entity's events. It is compacted: the newest event of an id stays as long as its row lives, and the
 * tombstone of a deleted one goes after `delete.retention.ms`.
 */
export const eventTopic = (partitions: number): TopicSpec => ({
  partitions,
  config: {
    'cleanup.policy': 'compact',
    'max.message.bytes': String(MAX_EVENT_BYTES),
    'delete.retention.ms': String(7 * DAY_MS),
    'min.compaction.lag.ms': String(DAY_MS / 24),
    // Bounds how long the events of what was deleted stay, once another record comes to their partition (KIP-354).
    'max.compaction.lag.ms': String(DAY_MS),
  },
});

/** The dead-letter topic takes records that are as large as an event plus the headers that explain it. */
export const deadLetterTopic = (): TopicSpec => ({
  partitions: 1,
  config: {
    'cleanup.policy': 'delete',
    'max.message.bytes': String(2 * MAX_EVENT_BYTES),
    'retention.ms': String(30 * DAY_MS),
  },
});

/** Name of an index behind `alias`; a reindex creates the one with the next number. */
export const indexNameOf = (alias: string, number: number): string => `${alias}-${String(number).padStart(6, '0')}`;

/** Name of the first index behind `alias`; later ones count up. */
export const firstIndexOf = (alias: string): string => indexNameOf(alias, 1);

/**
 * Settings of the brokers, which say the times of a group whose members use `GROUP_PROTOCOL=consumer`. Kafka's own let a dead
 * member keep its partitions for 45 s, and a live one hear of a change after 5 s.
 */
export const GROUP_TIMES = {
  'group.consumer.min.session.timeout.ms': 6_000,
  'group.consumer.session.timeout.ms': 15_000,
  'group.consumer.min.heartbeat.interval.ms': 500,
  'group.consumer.heartbeat.interval.ms': 500,
} as const;
