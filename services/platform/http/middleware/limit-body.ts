/** Refuses bodies that are too large, before they are read. */
import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { TaskstreamError } from '../../errors.ts';
import type { ApiEnv } from '../api-env.ts';

/**
 * A body that says its length is judged by that: Node's parser reads no more of it than was said.
 * Only a body of unknown length goes through Hono's own middleware, as that looks at the request's body stream, and so
 * makes the server build a whole web Request with its streams and signals: half of the API's time on a small write.
 */
export const limitBody = (maxBytes: number): MiddlewareHandler<ApiEnv> => {
  const refuse = (): never => {
    throw new TaskstreamError('payload_too_large', `A body may have ${maxBytes} bytes at most.`);
  };
  const limitUnknownLength = bodyLimit({ maxSize: maxBytes, onError: refuse });
  return async (c, next) => {
    if (c.req.header('transfer-encoding') !== undefined) return limitUnknownLength(c, next);
    // Absent when there is no body.
    if (Number(c.req.header('content-length') ?? 0) > maxBytes) refuse();
    return next();
  };
};
