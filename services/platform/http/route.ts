/** A route: its part of the OpenAPI document, and what answers. */
import type { RouteConfig } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { ApiEnv } from './api-env.ts';
import { etagOf } from './etag.ts';
import type { TaskSearch } from '../../task/search/task-search.ts';
import type { StoredTask } from '../../task/store/commands.ts';
import type { TaskStore } from '../../task/store/task-store.ts';

/** What routes may use. */
export interface RouteDependencies {
  readonly store: TaskStore;
  readonly search: TaskSearch;
}

export interface Route {
  readonly document: RouteConfig;
  readonly handle: (c: Context<ApiEnv>) => Response | Promise<Response>;
}

export type RouteFactory = (dependencies: RouteDependencies) => Route;

/** Answers with a task. Its JSON comes from the database as text and goes out as it is. */
export const respondWithTask = (
  c: Context<ApiEnv>,
  task: StoredTask,
  status: 200 | 201,
  headers: Record<string, string> = {},
): Response =>
  c.body(`{"task":${task.json}}`, status, {
    'content-type': 'application/json',
    etag: etagOf(task.version),
    ...headers,
  });
