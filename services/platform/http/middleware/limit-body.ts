/** Refuses bodies that are too large, or too many at a time, before they are read. */
import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { TaskstreamError } from '../../errors.ts';
import type { ApiEnv } from '../api-env.ts';

/**
 * A body that says its length is judged by that: Node's parser reads no more of it than was said.
 * Only a body of unknown length goes through Hono's own middleware, as that looks at the request's body stream, and so
 * makes the server build a whole web Request with its streams and signals: half of the API's time on a small write.
 * @param maxHeldBytes what the bodies of all unanswered requests hold together; while a server hangs, they wait in memory
 */
export const limitBody = (maxBytes: number, maxHeldBytes: number): MiddlewareHandler<ApiEnv> => {
  const refuse = (): never => {
    throw new TaskstreamError('payload_too_large', `A body may have ${maxBytes} bytes at most.`);
  };
  const limitUnknownLength = bodyLimit({ maxSize: maxBytes, onError: refuse });
  let heldBytes = 0;
  return async (c, next) => {
    const isUnknown = c.req.header('transfer-encoding') !== undefined;
    // Absent when there is no body.
    const bytes = isUnknown ? maxBytes : Number(c.req.header('content-length') ?? 0);
    if (bytes > maxBytes) refuse();
    if (bytes > 0 && heldBytes + bytes > maxHeldBytes) {
      throw new TaskstreamError('database_unavailable', 'Too many requests are waiting; try again in a moment.', {
        retriable: true,
        retryAfterSeconds: 1,
      });
    }
    heldBytes += bytes;
    try {
      return await (isUnknown ? limitUnknownLength(c, next) : next());
    } finally {
      heldBytes -= bytes;
    }
  };
};
