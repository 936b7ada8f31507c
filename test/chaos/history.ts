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
  /** True once the log may lack all but the newest record of a key. */
  isCompacted: boolean;
  /** True while a node that is cut off may still be asked: a search there shows what was before. */
  isSplit: boolean;
  /** After a restore: the versions from which on each task is judged, as all before belongs to another history. */
  restored: ReadonlyMap<string, number>;
  /** Tasks that a restore took away, or brought back. */
  readonly undone: Set<string>;
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
  isCompacted: false,
  isSplit: false,
  restored: new Map(),
  undone: new Set(),
  faults: [],
});

/**
 * What clients know of the time after the backup is void: the database has only `versions` now.
 * @param ids of every task that there was before
 */
export const restore = (history: History, versions: ReadonlyMap<string, number>, ids: Iterable<string>): void => {
  history.restored = versions;
  for (const id of ids) {
    const version = versions.get(id);
    const wasDeleted = history.deleted.delete(id);
    if (version !== undefined) history.versions.set(id, version);
    else {
      history.versions.delete(id);
      // As a client sees it.
      history.maybeDeleted.add(id);
    }
    if (wasDeleted || version === undefined) history.undone.add(id);
  }
  for (const [key, id] of history.created) if (!versions.has(id)) history.created.delete(key);
};

/** A task was answered in this version. */
export const acknowledge = (history: History, task: { readonly id: string; readonly version: number }): void => {
  history.acknowledged += 1;
  history.versions.set(task.id, Math.max(task.version, history.versions.get(task.id) ?? 0));
};
