/** Asks who is calling, and whether they may: bearer tokens (RFC 6750). */
import type { Context } from 'hono';
import { unauthenticated, type Caller, type TokenVerifier } from '../../auth/tokens.ts';
import { TaskstreamError } from '../../errors.ts';
import type { ApiEnv } from '../api-env.ts';

/** What a route asks of its callers. */
export type Access = 'read' | 'write';

export interface Authentication {
  readonly verifier: TokenVerifier;
  /** Of the tokens, as the document of the API names it. */
  readonly issuer: string;
  /** Names of the scopes. */
  readonly scopes: Readonly<Record<Access, string>>;
}

/** RFC 6750, section 2.1: `b64token`. */
const BEARER = /^Bearer +([\w.~+/-]+=*) *$/i;

/** @throws TaskstreamError `unauthenticated`, `insufficient_scope` or `issuer_unavailable`; the first two with `WWW-Authenticate` */
export const authenticate = async (
  c: Context<ApiEnv>,
  access: Access,
  { verifier, scopes }: Authentication,
): Promise<Caller> => {
  const header = c.req.header('authorization');
  if (header === undefined) {
    c.header('www-authenticate', 'Bearer');
    throw unauthenticated('Send an access token: Authorization: Bearer ….');
  }
  const [, token] = BEARER.exec(header) ?? [];
  if (token === undefined) {
    c.header('www-authenticate', 'Bearer error="invalid_request"');
    throw unauthenticated('The header Authorization must be Bearer with an access token.');
  }
  const caller = await verifier.verify(token).catch((error: unknown) => {
    if (error instanceof TaskstreamError && error.code === 'unauthenticated') {
      c.header('www-authenticate', `Bearer error="invalid_token", error_description="${error.message}"`);
    }
    throw error;
  });
  const scope = scopes[access];
  if (caller.scopes.has(scope)) return caller;
  c.header('www-authenticate', `Bearer error="insufficient_scope", scope="${scope}"`);
  throw new TaskstreamError('insufficient_scope', `The access token lacks the scope ${scope}.`);
};
