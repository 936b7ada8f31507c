/** A route: its part of the OpenAPI document, and what answers. */
import type { RouteConfig } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { ApiEnv } from './api-env.ts';
import type { Access } from './middleware/authenticate.ts';
import { etagOf } from './etag.ts';

/** What operations have in common: the OpenAPI document shows those of one tag together. */
export interface Tag {
  readonly name: string;
  readonly description: string;
}

export interface Route {
  readonly tag: Tag;
  readonly document: RouteConfig;
  /** What its callers must be allowed, where the API asks who is calling. */
  readonly access: Access;
  /** Largest body, in bytes, where it is not that of all routes. */
  readonly maxBodyBytes?: number;
  readonly handle: (c: Context<ApiEnv>) => Response | Promise<Response>;
}

/** What is stored under an id, as PostgreSQL made it: JSON text that goes into answers as it is, and its version. */
export interface Stored {
  readonly id: string;
  readonly version: number;
  readonly json: string;
}

/** Answers with `{"<name>": …}` and the entity tag of its version. */
export const respondWith = (
  c: Context<ApiEnv>,
  name: string,
  { version, json }: Stored,
  status: 200 | 201,
  headers: Record<string, string> = {},
): Response =>
  c.body(`{"${name}":${json}}`, status, { 'content-type': 'application/json', etag: etagOf(version), ...headers });
