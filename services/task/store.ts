/** The store and the search of tasks. */
import { ANYBODY } from '../platform/auth/actor.ts';
import { facetsOf } from '../pipeline/field.ts';
import { createSearch, type EntitySearch, type SearchOptions } from '../pipeline/index/search.ts';
import { createStore, type EntityStore, type EntityStoreOptions } from '../pipeline/write/store.ts';
import { taskEntity } from './entity.ts';
import { taskFields } from './fields.ts';

export const createTaskStore = (options: Omit<EntityStoreOptions, 'fields'>): EntityStore =>
  createStore({ ...options, fields: taskFields });

export const createTaskSearch = (options: Omit<SearchOptions, 'fields' | 'isOwned'>): EntitySearch =>
  createSearch({ ...options, fields: taskFields, isOwned: taskEntity.isOwned });

/**
 * Asks what clients ask, for what the first search after a start waits for: the server loads and compiles what a query by
 * words, its counts and its highlights run.
 */
export const warmUpSearch = async (search: EntitySearch): Promise<void> => {
  const page = { actor: ANYBODY, from: 0, size: 10, cursor: undefined };
  const conditions = { description: 'water the plants' };
  await search.find({ ...page, conditions });
  await search.find({ ...page, conditions, facets: facetsOf(taskFields), highlight: true });
};
