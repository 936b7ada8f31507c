/** The store and the search of tasks. */
import { createSearch, type EntitySearch, type SearchOptions } from '../pipeline/index/search.ts';
import { createStore, type EntityStore, type EntityStoreOptions } from '../pipeline/write/store.ts';
import { taskEntity } from './entity.ts';
import { taskFields } from './fields.ts';

export const createTaskStore = (options: Omit<EntityStoreOptions, 'fields'>): EntityStore =>
  createStore({ ...options, fields: taskFields });

export const createTaskSearch = (options: Omit<SearchOptions, 'fields' | 'isOwned'>): EntitySearch =>
  createSearch({ ...options, fields: taskFields, isOwned: taskEntity.isOwned });
