/** One operation a task: within a batch only the newest version matters, as every event carries the whole task. */

interface Versioned {
  readonly id: string;
  readonly version: number;
}

export interface Collapsed<T extends Versioned> {
  /** The newest operation of each task, in order of the tasks' first appearance. */
  readonly operations: readonly T[];
  /** For each input, the position in `operations` of the operation that settles it. */
  readonly settledBy: readonly number[];
}

/**
 * Collapses operations to the newest of each task.
 * Of two with the same version the first one wins: they are the same change, delivered twice or with its tombstone.
 */
export const collapse = <T extends Versioned>(inputs: readonly T[]): Collapsed<T> => {
  const positions = new Map<string, number>();
  const operations: T[] = [];
  const settledBy = inputs.map((operation) => {
    const position = positions.get(operation.id) ?? operations.length;
    const newest = operations[position];
    if (newest === undefined || operation.version > newest.version) operations[position] = operation;
    positions.set(operation.id, position);
    return position;
  });
  return { operations, settledBy };
};
