/** Access tokens: JWTs that the issuer signed (RFC 9068, RFC 7519). */
import { createHash } from 'node:crypto';
import { errors, jwtVerify, type JWTPayload } from 'jose';
import { TaskstreamError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { AuthConfig } from './env.ts';
import { createIssuerKeys } from './keys.ts';

/** Who is calling, as a token that was verified says. */
export interface Caller {
  readonly subject: string;
  readonly scopes: ReadonlySet<string>;
}

export interface TokenVerifier {
  /** @throws TaskstreamError `unauthenticated` or `issuer_unavailable` */
  verify(token: string): Promise<Caller>;
}

/** A verification costs some 100 µs of CPU; what was verified counts for this long at most. */
const CACHED_MS = 60_000;
const MAX_CACHED = 10_000;
/** Longer than any access token; the server's headers end at 16 KiB. */
const MAX_LENGTH = 12_000;

interface Cached {
  readonly caller: Caller;
  readonly until: number;
  readonly generation: number;
}

type Config = Pick<
  AuthConfig,
  'AUTH_ISSUER' | 'AUTH_AUDIENCE' | 'AUTH_JWKS_URL' | 'AUTH_ALGORITHMS' | 'AUTH_CLOCK_TOLERANCE_S'
>;

export const createTokenVerifier = (config: Config, logger: Logger): TokenVerifier => {
  const { AUTH_ISSUER: issuer = '', AUTH_AUDIENCE: audience = '' } = config;
  const keys = createIssuerKeys({ issuer, jwksUrl: config.AUTH_JWKS_URL, logger });
  const options = {
    ...{ issuer, audience, algorithms: config.AUTH_ALGORITHMS, clockTolerance: config.AUTH_CLOCK_TOLERANCE_S },
    requiredClaims: ['sub', 'exp'],
  };
  /** By the hash of the token: who reads this process's memory finds none. */
  const cache = new Map<string, Cached>();

  const remember = (hash: string, cached: Cached): void => {
    cache.set(hash, cached);
    // The oldest comes first.
    const [oldest] = cache.keys();
    if (cache.size > MAX_CACHED && oldest !== undefined) cache.delete(oldest);
  };

  return {
    verify: async (token) => {
      if (token.length > MAX_LENGTH) throw unauthenticated('The access token is too long.');
      const hash = createHash('sha256').update(token).digest('base64');
      const known = cache.get(hash);
      if (known !== undefined && known.until > performance.now() && known.generation === keys.generation()) {
        return known.caller;
      }
      cache.delete(hash);
      const payload = await jwtVerify(token, keys.get, options).then(
        (verified) => verified.payload,
        (error: unknown) => {
          throw error instanceof errors.JOSEError ? unauthenticated(reasonOf(error), error) : error;
        },
      );
      const caller = callerOf(payload);
      // eslint-disable-next-line no-restricted-syntax -- from a date of the issuer's
      const leftMs = Number(payload.exp) * 1_000 - Date.now();
      const until = performance.now() + Math.min(CACHED_MS, leftMs);
      remember(hash, { caller, until, generation: keys.generation() });
      return caller;
    },
  };
};

/** `scope` is RFC 9068's, `scp` Entra's and Okta's. */
const callerOf = ({ sub = '', scope, scp }: JWTPayload): Caller => ({
  subject: sub,
  scopes: new Set([...wordsIn(scope), ...wordsIn(scp)]),
});

const wordsIn = (claim: unknown): string[] => {
  const values: unknown[] = Array.isArray(claim) ? claim : [claim];
  return values.flatMap((value) => (typeof value === 'string' ? value.split(' ').filter((word) => word !== '') : []));
};

/** What a client may know. The library's own messages say no more, and are not for people. */
const reasonOf = (error: errors.JOSEError): string => {
  if (error instanceof errors.JWTExpired) return 'The access token has expired.';
  if (error instanceof errors.JWTClaimValidationFailed) return `The access token is not valid here: ${error.claim}.`;
  if (error instanceof errors.JWKSNoMatchingKey) return 'The access token is signed with no key of the issuer.';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'The access token is signed in a way that is not taken.';
  return 'The access token is not valid.';
};

export const unauthenticated = (message: string, cause?: unknown): TaskstreamError =>
  new TaskstreamError('unauthenticated', message, { cause });
