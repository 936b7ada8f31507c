/** What clients did and were told: what the checker holds the servers to, and a record to read when a run failed. */

/** One request and its answer. */
export interface Entry {
  /** Milliseconds since the run began. */
  readonly atMs: number;
  readonly client: string;
  readonly call: 'POST' | 'PUT' | 'DELETE';
  /** Idempotency-Key of a POST, id of the task otherwise. */
  readonly target: string;
  /** If-Match, where it was sent. */
  readonly expected?: string | undefined;
  /** Undefined when no answer came. */
  readonly status: number | undefined;
  readonly id?: string | undefined;
  readonly version?: number | undefined;
}

/** What the clients know for certain. */
export interface History {
  readonly entries: Entry[];
  /** Ids by Idempotency-Key; a key of which no answer came is not here. */
  readonly created: Map<string, string>;
  /** The highest version that was acknowledged of a task. */
  readonly versions: Map<string, number>;
  readonly deleted: Set<string>;
  /** Tasks that a request without an answer may have deleted. */
  readonly maybeDeleted: Set<string>;
  /** Keys that were sent. */
  readonly keys: Set<string>;
  acknowledged: number;
  /** Answers that no client should get, such as another task for a key. */
  readonly faults: string[];
}

export const emptyHistory = (): History => ({
  entries: [],
  created: new Map(),
  versions: new Map(),
  deleted: new Set(),
  maybeDeleted: new Set(),
  keys: new Set(),
  acknowledged: 0,
  faults: [],
});

/** A task was answered in this version. */
export const acknowledge = (history: History, task: { readonly id: string; readonly version: number }): void => {
  history.acknowledged += 1;
  history.versions.set(task.id, Math.max(task.version, history.versions.get(task.id) ?? 0));
};
