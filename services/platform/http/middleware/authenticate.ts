/** Asks who is calling, and what they may: bearer tokens (RFC 6750), or the sessions of browsers. */
import type { Context, MiddlewareHandler } from 'hono';
import type { Actor } from '../../auth/actor.ts';
import { unauthenticated, type Caller, type TokenVerifier } from '../../auth/tokens.ts';
import { TaskstreamError } from '../../errors.ts';
import type { ApiEnv } from '../api-env.ts';

/** What a route asks of its callers. */
export type Access = 'read' | 'write';

export interface Authentication {
  readonly verifier: TokenVerifier;
  /** Of the tokens, as the document of the API names it. */
  readonly issuer: string;
  /** Names of the scopes; with that of `admin` a caller reads and writes what others own. */
  readonly scopes: Readonly<Record<Access | 'admin', string>>;
  /** Where browsers can log in. */
  readonly sessions?: Sessions | undefined;
}

/** What a browser's cookie says. */
export interface Session {
  readonly caller: Caller;
  /** What the person is called, for their own eyes. */
  readonly name: string;
  /** Unix time in seconds. */
  readonly endsAt: number;
}

/** Who has logged in with a browser, which brings a cookie along whoever asks it to. */
export interface Sessions {
  /** The only origin whose pages may change something. */
  readonly origin: string;
  /** The caller of a session that was opened a moment ago. */
  remembered(c: Context<ApiEnv>): Caller | undefined;
  /** Whose session a request belongs to; nothing without one that counts. */
  callerOf(c: Context<ApiEnv>): Promise<Caller | undefined>;
}

/** Who is calling, or why nobody knows, with the challenge that tells the client. */
export type Identity =
  { readonly caller: Caller } | { readonly caller?: undefined; readonly error: unknown; readonly challenge?: string };

/** RFC 6750, section 2.1: `b64token`. */
const BEARER = /^Bearer +([\w.~+/-]+=*) *$/i;
/** RFC 6750, section 3: without an error for whoever brought no token. */
const CHALLENGE = 'Bearer realm="taskstream"';

/**
 * Finds out who is calling, for what comes after it; whom it does not know it does not refuse.
 * @param isRefused whether the request is refused anyway, unless its caller is known: a signature that is judged, and a cookie that is opened, cost CPU
 */
export const identify =
  ({ verifier, sessions }: Authentication, isRefused: (c: Context<ApiEnv>) => boolean): MiddlewareHandler<ApiEnv> =>
  async (c, next) => {
    // Two paths may match a request.
    if (c.get('identity') === undefined) {
      const header = c.req.header('authorization');
      const [, token] = BEARER.exec(header ?? '') ?? [];
      // A token goes first.
      const browsers = header === undefined ? sessions : undefined;
      const remembered = token === undefined ? browsers?.remembered(c) : verifier.remembered(token);
      if (remembered !== undefined || !isRefused(c)) {
        const caller = remembered ?? (await browsers?.callerOf(c));
        if (caller === undefined) c.set('identity', await identityOf(header, token, verifier));
        else c.set('identity', browsers === undefined ? { caller } : ofSession(c, caller, browsers));
      }
    }
    await next();
  };

/**
 * Notes who has logged in, for pages: they are counted by them, and no token leads there.
 * @param isRefused as for `identify`
 */
export const identifySession =
  (sessions: Sessions, isRefused: (c: Context<ApiEnv>) => boolean): MiddlewareHandler<ApiEnv> =>
  async (c, next) => {
    const caller = sessions.remembered(c) ?? (isRefused(c) ? undefined : await sessions.callerOf(c));
    if (caller !== undefined) c.set('identity', { caller });
    await next();
  };

const ofSession = (c: Context<ApiEnv>, caller: Caller, { origin }: Sessions): Identity => {
  // Whoever has the browser after them must not find it.
  c.header('cache-control', 'no-store');
  try {
    if (!isSafe(c)) refuseForeign(c, origin);
    return { caller };
  } catch (error) {
    return { error };
  }
};

/** Whether the method changes nothing: RFC 9110, section 9.2.1. */
export const isSafe = (c: Context<ApiEnv>): boolean => ['GET', 'HEAD'].includes(c.req.method);

/**
 * Refuses what a page of another origin has the browser ask, and what does not say whose page it was: browsers do.
 * @throws TaskstreamError `foreign_origin`
 */
export const refuseForeign = (c: Context<ApiEnv>, origin: string | undefined): void => {
  if (c.req.header('origin') === origin && origin !== undefined) return;
  throw new TaskstreamError('foreign_origin', 'A session counts for pages of its own origin alone.');
};

const identityOf = async (
  header: string | undefined,
  token: string | undefined,
  verifier: TokenVerifier,
): Promise<Identity> => {
  const isBearer = /^Bearer\b/i.test(header ?? '');
  if (token === undefined) {
    const error = unauthenticated('Send an access token: Authorization: Bearer ….');
    return { error, challenge: isBearer ? `${CHALLENGE}, error="invalid_token"` : CHALLENGE };
  }
  try {
    return { caller: await verifier.verify(token) };
  } catch (error) {
    const isUnauthenticated = error instanceof TaskstreamError && error.code === 'unauthenticated';
    if (!isUnauthenticated) return { error };
    return { error, challenge: `${CHALLENGE}, error="invalid_token", error_description="${error.message}"` };
  }
};

/**
 * Whom {@link identify} found, where they may do it.
 * @throws TaskstreamError `unauthenticated`, `insufficient_scope` or `issuer_unavailable`; the first two with `WWW-Authenticate`
 */
export const authorize = (c: Context<ApiEnv>, access: Access, { scopes }: Authentication): Actor => {
  const identity = c.get('identity');
  // None where the limit of requests refuses it, before it comes here.
  if (identity === undefined) throw unauthenticated('Nobody is identified.');
  const { caller } = identity;
  if (caller === undefined) {
    if (identity.challenge !== undefined) c.header('www-authenticate', identity.challenge);
    throw identity.error;
  }
  const scope = scopes[access];
  if (caller.scopes.has(scope)) return { owner: caller.owner, isAdmin: caller.scopes.has(scopes.admin) };
  c.header('www-authenticate', `${CHALLENGE}, error="insufficient_scope", scope="${scope}"`);
  throw new TaskstreamError('insufficient_scope', `The access token lacks the scope ${scope}.`);
};
