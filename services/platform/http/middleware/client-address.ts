/** Who is calling: for the rate limit. */
import type { Context } from 'hono';
import type { ApiEnv } from '../api-env.ts';

/**
 * The client's address: the peer of the connection, or with `trustProxy` the last entry of `X-Forwarded-For`, which is
 * the one our own proxy wrote; entries before it are the client's word.
 */
export const clientAddress = (c: Context<ApiEnv>, trustProxy: boolean): string => {
  const forwarded = trustProxy ? c.req.header('x-forwarded-for')?.split(',').at(-1)?.trim() : undefined;
  return forwarded ?? c.env.incoming.socket.remoteAddress ?? 'unknown';
};
