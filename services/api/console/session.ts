/** Sessions of browsers: who has logged in, in a cookie that only this service can write and read. */
import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { z } from 'zod';
import { createMemory } from '../../platform/auth/memory.ts';
import { createSealer } from '../../platform/auth/sealed.ts';
import type { ApiEnv } from '../../platform/http/api-env.ts';
import type { Session, Sessions } from '../../platform/http/middleware/authenticate.ts';
import { PRODUCT } from '../../platform/product.ts';
import { scopesOf, type ScopeConfig } from '../config.ts';
import type { ConsoleLoginConfig } from './config.ts';

/** A login that has begun. */
export interface PendingLogin {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** Path and query of the page that it leads to. */
  readonly to: string;
}

export interface SessionCookies extends Sessions {
  /** The session of a request; nothing without one that counts. */
  of(c: Context<ApiEnv>): Promise<Session | undefined>;
  begin(c: Context<ApiEnv>, session: Omit<Session, 'endsAt'>): Promise<void>;
  end(c: Context<ApiEnv>): void;
  /** Keeps what a login needs when the browser comes back. */
  keepLogin(c: Context<ApiEnv>, login: PendingLogin): Promise<void>;
  /** Finds it again by the state. */
  loginOf(c: Context<ApiEnv>, state: string): Promise<PendingLogin | undefined>;
  /** Forgets it in this browser; that its code is taken once, the provider sees to. */
  endLogin(c: Context<ApiEnv>, login: PendingLogin): void;
}

const [SESSION, LOGIN] = [`${PRODUCT}-session`, `${PRODUCT}-login`];
/** How long a person may take to log in, in seconds. */
const LOGIN_SECONDS = 600;
/** Logins in several tabs at once; the cookies of others that nobody finished go. */
const MAX_LOGINS = 5;

/** Browsers keep no longer one (RFC 6265, section 6.1). */
const MAX_COOKIE_LENGTH = 4_096;

const sessionSchema = z.object({
  sub: z.string(),
  owner: z.string(),
  scopes: z.array(z.string()),
  name: z.string(),
  exp: z.number(),
});
const loginSchema = z.object({ state: z.string(), nonce: z.string(), verifier: z.string(), to: z.string() });

/** Cookies of the origin alone: with TLS, no other host and no page without TLS can set them (RFC 6265bis, section 4.1.3.2). */
export const createSessions = (config: ConsoleLoginConfig & ScopeConfig): SessionCookies => {
  const { origin, protocol } = new URL(config.CONSOLE_URL);
  const prefix = protocol === 'https:' ? ('host' as const) : undefined;
  const options = { httpOnly: true, sameSite: 'Lax', path: '/', ...(prefix === undefined ? {} : { prefix }) } as const;
  // What a session says goes by these.
  const context = [
    ...[config.AUTH_ISSUER, config.AUTH_AUDIENCE, config.AUTH_OWNER_CLAIM, origin],
    ...Object.values(scopesOf(config)),
  ].join(' ');
  const sealer = createSealer(config.CONSOLE_SESSION_KEYS, context);

  const opened = createMemory<Session>();

  const open = async <T>(c: Context, name: string, schema: z.ZodType<T>): Promise<T | undefined> => {
    const sealed = getCookie(c, name, prefix);
    return sealed === undefined || sealed.length > MAX_COOKIE_LENGTH
      ? undefined
      : schema.safeParse(await sealer.open(name, sealed)).data;
  };
  const nameOf = (state: string): string => `${LOGIN}-${state}`;

  const remembered = (c: Context<ApiEnv>): Session | undefined => opened.recall(getCookie(c, SESSION, prefix) ?? '');
  const of = async (c: Context<ApiEnv>): Promise<Session | undefined> => {
    const known = remembered(c);
    if (known !== undefined) return known;
    const found = await open(c, SESSION, sessionSchema);
    if (found === undefined) return undefined;
    const { sub, owner, scopes, name, exp } = found;
    const session = { caller: { subject: sub, owner, scopes: new Set(scopes) }, name, endsAt: exp };
    opened.keep(getCookie(c, SESSION, prefix) ?? '', session, exp);
    return session;
  };

  return {
    origin,
    of,
    remembered: (c) => remembered(c)?.caller,
    callerOf: async (c) => (await of(c))?.caller,
    begin: async (c, { caller, name }) => {
      const maxAge = config.CONSOLE_SESSION_MINUTES * 60;
      const content = { sub: caller.subject, owner: caller.owner, scopes: [...caller.scopes], name };
      setCookie(c, SESSION, await sealer.seal(SESSION, content, maxAge), { ...options, maxAge });
    },
    end: (c) => {
      deleteCookie(c, SESSION, options);
    },
    keepLogin: async (c, login) => {
      // By their exact names: whoever has a neighbouring host may set cookies of other names here.
      const own = new RegExp(`^${prefix === undefined ? '' : '__Host-'}(${LOGIN}-[\\w-]+)$`);
      const pending = Object.keys(getCookie(c)).flatMap((each) => own.exec(each)?.[1] ?? []);
      for (const old of pending.slice(0, Math.max(0, pending.length - MAX_LOGINS + 1))) deleteCookie(c, old, options);
      const name = nameOf(login.state);
      setCookie(c, name, await sealer.seal(name, { ...login }, LOGIN_SECONDS), { ...options, maxAge: LOGIN_SECONDS });
    },
    loginOf: async (c, state) =>
      // It becomes the name of a cookie.
      /^[\w-]{1,100}$/.test(state) ? open(c, nameOf(state), loginSchema) : undefined,
    endLogin: (c, { state }) => {
      deleteCookie(c, nameOf(state), options);
    },
  };
};
