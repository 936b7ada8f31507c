/** The store and the search of tasks. */
import { columnsOf } from '../pipeline/field.ts';
import { createSearch, type EntitySearch, type SearchOptions } from '../pipeline/index/search.ts';
import { createStore, type EntityStore, type EntityStoreOptions } from '../pipeline/write/store.ts';
import { taskFields } from './fields.ts';

export const createTaskStore = (options: Omit<EntityStoreOptions, 'columns'>): EntityStore =>
  createStore({ ...options, columns: columnsOf(taskFields) });

export const createTaskSearch = (options: Omit<SearchOptions, 'fields'>): EntitySearch =>
  createSearch({ ...options, fields: taskFields });
