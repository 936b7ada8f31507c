/** Pages of a store that is read from end to end while it changes, and how patient such a read is. */

export interface Page<T, Position> {
  readonly items: readonly T[];
  /** Where the next page begins; nothing after the last. */
  readonly next: Position | undefined;
}

export interface ReadOptions {
  /** Called before each repetition of a read that failed. */
  readonly onRetry: (error: unknown) => void;
  /** Ends the repetitions. */
  readonly signal?: AbortSignal | undefined;
}

/** A run of an hour must not end for the restart of a server. */
export const READ_ATTEMPTS = { maxAttempts: 6, backoff: { baseMs: 500, maxMs: 10_000 } } as const;

/** The pages that hold something. The next one is fetched while the last one is used, so two are held at most. */
export const inPages = async function* <T, Position>(
  first: Position,
  fetch: (position: Position) => Promise<Page<T, Position>>,
): AsyncGenerator<readonly T[]> {
  let coming: Promise<Page<T, Position>> | undefined = fetch(first);
  while (coming !== undefined) {
    const { items, next }: Page<T, Position> = await coming;
    coming = next === undefined ? undefined : fetch(next);
    // Whoever stops early never awaits the page ahead; its failure then concerns nobody.
    coming?.catch(() => undefined);
    if (items.length > 0) yield items;
  }
};
