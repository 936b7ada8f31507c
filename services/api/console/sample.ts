/** What one sample of the pipeline finds, as the page gets it: each server for itself, up or down. */

/** A server that did not answer is a finding like any other. */
export type Reading<T> = ({ readonly up: true } & T) | { readonly up: false; readonly reason: string };

export interface OutboxReading {
  readonly depth: number;
  readonly oldestAgeSeconds: number;
}

export interface PartitionReading {
  readonly partition: number;
  /** Events between what the group committed and the end; null while its brokers are away. */
  readonly lag: number | null;
}

export interface KafkaReading {
  readonly partitions: readonly PartitionReading[];
  /** Records ever written, over all partitions; null while one of them has no lag. */
  readonly end: number | null;
  /** What the group has behind it, on the same scale as `end`. */
  readonly done: number | null;
  /** Null while it is not known. */
  readonly members: number | null;
  /** Records in the dead-letter topic. */
  readonly deadLetters: number;
}

export interface IndexReading {
  readonly documents: number;
}

/** Time from an acknowledged change to its being found. */
export interface LatencyReading {
  /** Changes that were followed to the end. */
  readonly measured: number;
  /** Of the last change that was followed to the end. */
  readonly lastMs: number | null;
  /** How long the one that is followed now has waited. */
  readonly pendingMs: number | null;
}

/** Rates are per second; null while they cannot be told. */
export interface Sample {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Requests of this replica alone, and those of them that were answered with 5xx. */
  readonly requestRate: number | null;
  readonly failureRate: number | null;
  readonly outbox: Reading<OutboxReading>;
  readonly kafka: Reading<KafkaReading>;
  readonly topicRate: number | null;
  readonly indexedRate: number | null;
  readonly index: Reading<IndexReading>;
  readonly latency: LatencyReading;
}
