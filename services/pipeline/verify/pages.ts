/** Pages as one stream: the next page is fetched while the last one is looked at, so two are held at most. */
import { messageOf } from '../../platform/errors.ts';
import { backoffMs, sleep } from '../../platform/time.ts';

export interface Page<T, Position> {
  readonly items: readonly T[];
  /** Where the next page begins; nothing after the last. */
  readonly next: Position | undefined;
}

export const inPages = async function* <T, Position>(
  first: Position,
  fetch: (position: Position) => Promise<Page<T, Position>>,
): AsyncGenerator<T> {
  let coming: Promise<Page<T, Position>> | undefined = fetch(first);
  while (coming !== undefined) {
    const { items, next }: Page<T, Position> = await coming;
    coming = next === undefined ? undefined : fetch(next);
    // Whoever stops early never awaits the page ahead; its fault then concerns nobody.
    coming?.catch(() => undefined);
    yield* items;
  }
};

const ATTEMPTS = 6;

/**
 * Runs a read that may be repeated, again with backoff while `heals` says that waiting may help: a run of an hour must
 * not end for the restart of a server.
 */
export const patiently = async <T>(read: () => Promise<T>, heals: (error: unknown) => boolean): Promise<T> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await read();
    } catch (error) {
      if (attempt === ATTEMPTS || !heals(error)) throw error;
      process.stderr.write(`\n${messageOf(error)}: trying again\n`);
      await sleep(backoffMs(attempt, { baseMs: 500, maxMs: 10_000 }));
    }
  }
};
