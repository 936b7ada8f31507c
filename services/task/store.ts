/** The store and the search of tasks. */
import { ANYBODY } from '../platform/auth/actor.ts';
import { retry } from '../platform/retry.ts';
import { facetsOf } from '../pipeline/field.ts';
import { NO_BREAKER } from '../pipeline/index/breaker.ts';
import { createSearch, type EntitySearch, type SearchOptions, type SearchRequest } from '../pipeline/index/search.ts';
import { createStore, type EntityStore, type EntityStoreOptions } from '../pipeline/write/store.ts';
import { taskEntity } from './entity.ts';
import { taskFields } from './fields.ts';

export const createTaskStore = (options: Omit<EntityStoreOptions, 'fields'>): EntityStore =>
  createStore({ ...options, fields: taskFields });

export const createTaskSearch = (options: Omit<SearchOptions, 'fields' | 'isOwned'>): EntitySearch =>
  createSearch({ ...options, fields: taskFields, isOwned: taskEntity.isOwned });

const WARM_UP_BACKOFF = { baseMs: 200, maxMs: 1_000 } as const;

/**
 * Asks what clients ask, for what the first search after a start waits for: the server loads and compiles what a query by
 * words, its counts and its highlights run. A server that has just started refuses or is slow, so it is asked again and again,
 * for `forMs` in all, and a search may take all that is left of it. The breaker sees nothing of it: searches of clients are
 * not refused for what came before them.
 * @throws what the last attempt failed with
 */
export const warmUpSearch = async (
  options: Pick<SearchOptions, 'client' | 'alias'>,
  forMs: number,
  signal: AbortSignal,
): Promise<void> => {
  const endAt = performance.now() + forMs;
  const ask = (asked: Pick<SearchRequest, 'facets' | 'highlight'>): Promise<unknown> =>
    createTaskSearch({
      ...options,
      timeoutMs: Math.max(1, endAt - performance.now()),
      isSentOnce: true,
      breaker: NO_BREAKER,
    }).find({
      actor: ANYBODY,
      conditions: { description: 'water the plants' },
      from: 0,
      size: 10,
      cursor: undefined,
      ...asked,
    });
  await retry(
    async () => {
      await ask({});
      await ask({ facets: facetsOf(taskFields), highlight: true });
    },
    { backoff: WARM_UP_BACKOFF, deadlineMs: forMs, signal },
  );
};
