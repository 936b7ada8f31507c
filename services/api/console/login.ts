/** The console's login: whoever is an administrator at the OpenID provider gets a session, and nobody else. */
import type { Context, Hono, MiddlewareHandler } from 'hono';
import { randomNonce, randomPKCECodeVerifier, randomState } from 'openid-client';
import {
  createLoginProvider,
  issuerUnavailable,
  type LoginAnswer,
  type LoginProvider,
} from '../../platform/auth/provider.ts';
import { unauthenticated, type TokenVerifier } from '../../platform/auth/tokens.ts';
import { TaskstreamError } from '../../platform/errors.ts';
import type { ApiEnv } from '../../platform/http/api-env.ts';
import { setRetryAfter } from '../../platform/http/problem.ts';
import type { Logger } from '../../platform/logger.ts';
import { isSafe, refuseForeign, type Authentication } from '../../platform/http/middleware/authenticate.ts';
import { shorten } from '../../platform/validation.ts';
import { scopesOf, type ScopeConfig } from '../config.ts';
import type { ConsoleLoginConfig } from './config.ts';
import { noticePage } from './notice.ts';
import type { PendingLogin, SessionCookies } from './session.ts';

export interface ConsoleLogin {
  /** Adds its pages to the app. */
  readonly addTo: (app: Hono<ApiEnv>) => void;
  /** Leads whoever has no session to the login: for the page. */
  readonly leadToLogin: MiddlewareHandler<ApiEnv>;
  /** Refuses whoever has no session, and notes that of others: for what the page asks for. */
  readonly refuseOthers: MiddlewareHandler<ApiEnv>;
}

export interface ConsoleLoginOptions {
  readonly provider: LoginProvider;
  readonly verifier: TokenVerifier;
  readonly scopes: Authentication['scopes'];
  readonly sessions: SessionCookies;
}

const [PAGE, LOGIN, CALLBACK] = ['/console', '/console/login', '/console/callback'];
const [LOGOUT, LOGGED_OUT] = ['/console/logout', '/console/logged-out'];

/** Longest query of the page that a login leads back to, in characters. */
const MAX_QUERY_LENGTH = 300;
/** Codes that are exchanged at once: each is a question to the provider, and a stranger may ask. */
const MAX_EXCHANGES = 20;
/** Longest name of a person that is shown, in characters. */
const MAX_NAME_LENGTH = 100;

const LOG_IN = [LOGIN, 'Log in'] as const;
const AS_SOMEBODY_ELSE = [`${LOGIN}?again=true`, 'Log in as somebody else'] as const;

export const createConsoleLogin = ({ provider, verifier, scopes, sessions }: ConsoleLoginOptions): ConsoleLogin => {
  const callback = `${sessions.origin}${CALLBACK}`;
  let exchanges = 0;

  const exchange = async (answer: URL, pending: PendingLogin): Promise<LoginAnswer> => {
    if (exchanges >= MAX_EXCHANGES) throw issuerUnavailable('Too many log in at once.');
    exchanges += 1;
    try {
      return await provider.finish(answer, pending);
    } finally {
      exchanges -= 1;
    }
  };

  /** Where a login may lead: the console, whatever it shows. Cookies hold little. */
  const target = (to = PAGE): string => {
    const url = URL.canParse(to, sessions.origin) ? new URL(to, sessions.origin) : undefined;
    const isTaken = url?.origin === sessions.origin && url.pathname === PAGE && url.search.length <= MAX_QUERY_LENGTH;
    return isTaken ? `${PAGE}${url.search}` : PAGE;
  };

  const login = async (c: Context<ApiEnv>): Promise<Response> => {
    const checks = { state: randomState(), nonce: randomNonce(), verifier: randomPKCECodeVerifier() };
    const url = await provider.begin(callback, checks, c.req.query('again') === 'true');
    await sessions.keepLogin(c, { ...checks, to: target(c.req.query('to')) });
    return c.redirect(url.href, 302);
  };

  const finish = async (c: Context<ApiEnv>): Promise<Response> => {
    const pending = await sessions.loginOf(c, c.req.query('state') ?? '');
    if (pending === undefined) {
      return noticePage(c, 400, {
        title: 'This login is not known',
        text: 'It took longer than ten minutes, was finished before, or began in another browser.',
        links: [LOG_IN],
      });
    }
    // The address as the provider was told it: a proxy may have made another of it.
    const answer = new URL(callback);
    answer.search = new URL(c.req.url).search;
    try {
      const { accessToken, name: called } = await exchange(answer, pending);
      const caller = await verifier.verify(accessToken);
      const name = shorten(called ?? caller.subject, MAX_NAME_LENGTH);
      const missing = [scopes.read, scopes.admin].filter((scope) => !caller.scopes.has(scope));
      if (missing.length > 0) {
        sessions.endLogin(c, pending);
        return noticePage(c, 403, {
          title: 'The console is for administrators',
          text: `${name} lacks the scope ${missing.join(' and ')}: the console shows what everybody owns.`,
          links: [AS_SOMEBODY_ELSE],
        });
      }
      const known = Object.values(scopes).filter((scope) => caller.scopes.has(scope));
      await sessions.begin(c, { caller: { ...caller, scopes: new Set(known) }, name });
    } catch (error) {
      // Whoever reloads the page while the provider is away tries the same login again.
      if (!isAway(error)) sessions.endLogin(c, pending);
      throw error;
    }
    sessions.endLogin(c, pending);
    return c.redirect(pending.to, 303);
  };

  /** Says what went wrong on a page: a person is looking. */
  const inWords =
    (handle: (c: Context<ApiEnv>) => Promise<Response>) =>
    async (c: Context<ApiEnv>): Promise<Response> => {
      try {
        return await handle(c);
      } catch (error) {
        if (!(error instanceof TaskstreamError)) throw error;
        if (isAway(error)) {
          c.set('failure', error);
          setRetryAfter(c, error);
          return noticePage(c, 503, { title: 'Nobody can log in now', text: error.message, links: [LOG_IN] });
        }
        return noticePage(c, 401, {
          title: 'The login failed',
          text: error.message,
          links: [LOG_IN, AS_SOMEBODY_ELSE],
        });
      }
    };

  const logout = async (c: Context<ApiEnv>): Promise<Response> => {
    refuseForeign(c, sessions.origin);
    sessions.end(c);
    const atProvider = await provider.logoutUrl(`${sessions.origin}${LOGGED_OUT}`);
    return c.json({ location: atProvider?.href ?? LOGGED_OUT }, 200, { 'cache-control': 'no-store' });
  };

  return {
    addTo: (app) => {
      const add = (
        method: 'GET' | 'POST',
        path: string,
        handle: (c: Context<ApiEnv>) => Response | Promise<Response>,
      ) =>
        app.on(method, path, (c) => {
          c.set('route', path);
          return handle(c);
        });
      add('GET', LOGIN, inWords(login));
      add('GET', CALLBACK, inWords(finish));
      add('POST', LOGOUT, logout);
      add('GET', LOGGED_OUT, (c) =>
        noticePage(c, 200, {
          title: 'You are logged out',
          text: 'All tabs of the console have ended.',
          links: [LOG_IN],
        }),
      );
    },
    leadToLogin: async (c, next) => {
      const session = await sessions.of(c);
      if (session === undefined) {
        const { search } = new URL(c.req.url);
        return c.redirect(`${LOGIN}?${new URLSearchParams({ to: `${PAGE}${search}` }).toString()}`, 302);
      }
      c.set('session', session);
      return next();
    },
    refuseOthers: async (c, next) => {
      c.header('cache-control', 'no-store');
      const session = await sessions.of(c);
      if (session === undefined) throw unauthenticated('The session has ended: log in again.');
      if (!isSafe(c)) {
        refuseForeign(c, sessions.origin);
        if (!session.caller.scopes.has(scopes.write)) {
          throw new TaskstreamError('insufficient_scope', `The session lacks the scope ${scopes.write}.`);
        }
      }
      c.set('session', session);
      await next();
    },
  };
};

const isAway = (error: unknown): boolean => error instanceof TaskstreamError && error.code === 'issuer_unavailable';

/** The provider of the settings: the issuer of the tokens. */
export const loginProviderOf = (config: ConsoleLoginConfig & ScopeConfig, logger: Logger): LoginProvider =>
  createLoginProvider({
    issuer: config.AUTH_ISSUER ?? '',
    clientId: config.CONSOLE_CLIENT_ID,
    clientSecret: config.CONSOLE_CLIENT_SECRET,
    scope: config.CONSOLE_SCOPES ?? ['openid', 'profile', ...Object.values(scopesOf(config))].join(' '),
    parameters: new URLSearchParams(config.CONSOLE_LOGIN_PARAMETERS),
    clockToleranceS: config.AUTH_CLOCK_TOLERANCE_S,
    isInsecure: config.AUTH_INSECURE_ISSUER,
    logger,
  });
