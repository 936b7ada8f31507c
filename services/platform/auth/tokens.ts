/** Access tokens: JWTs that the issuer signed (RFC 9068, RFC 7519). */
import { createHash } from 'node:crypto';
import { errors, jwtVerify, type JWTPayload } from 'jose';
import { isOwnerName } from './actor.ts';
import { TaskstreamError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { AuthConfig } from './env.ts';
import { createIssuerKeys } from './keys.ts';

/** Who is calling, as a token that was verified says. */
export interface Caller {
  readonly subject: string;
  /** What its claim of owners says: the subject itself, or such as a tenant. */
  readonly owner: string;
  readonly scopes: ReadonlySet<string>;
}

export interface TokenVerifier {
  /** @throws TaskstreamError `unauthenticated` or `issuer_unavailable` */
  verify(token: string): Promise<Caller>;
  /** The caller of a token that was verified a moment ago. */
  remembered(token: string): Caller | undefined;
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
  | 'AUTH_ISSUER'
  | 'AUTH_AUDIENCE'
  | 'AUTH_JWKS_URL'
  | 'AUTH_ALGORITHMS'
  | 'AUTH_CLOCK_TOLERANCE_S'
  | 'AUTH_OWNER_CLAIM'
  | 'AUTH_INSECURE_ISSUER'
>;

export const createTokenVerifier = (config: Config, logger: Logger): TokenVerifier => {
  const { AUTH_ISSUER: issuer = '', AUTH_AUDIENCE: audience = '' } = config;
  const keys = createIssuerKeys({
    ...{ issuer, jwksUrl: config.AUTH_JWKS_URL },
    isInsecure: config.AUTH_INSECURE_ISSUER,
    logger,
  });
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

  const hashOf = (token: string): string => createHash('sha256').update(token).digest('base64');
  const recall = (hash: string): Caller | undefined => {
    const known = cache.get(hash);
    const counts = known !== undefined && known.until > performance.now() && known.generation === keys.generation();
    if (!counts) cache.delete(hash);
    return counts ? known.caller : undefined;
  };

  return {
    remembered: (token) => (token.length > MAX_LENGTH ? undefined : recall(hashOf(token))),
    verify: async (token) => {
      if (token.length > MAX_LENGTH) throw unauthenticated('The access token is too long.');
      const hash = hashOf(token);
      const known = recall(hash);
      if (known !== undefined) return known;
      // Of the keys before: those of a renewal meanwhile have not judged it.
      const generation = keys.generation();
      const payload = await jwtVerify(token, keys.get, options).then(
        (verified) => verified.payload,
        (error: unknown) => {
          throw error instanceof errors.JOSEError ? unauthenticated(reasonOf(error), error) : error;
        },
      );
      const caller = callerOf(payload, config.AUTH_OWNER_CLAIM);
      // eslint-disable-next-line no-restricted-syntax -- from a date of the issuer's
      const leftMs = Number(payload.exp) * 1_000 - Date.now();
      const until = performance.now() + Math.min(CACHED_MS, leftMs);
      remember(hash, { caller, until, generation });
      return caller;
    },
  };
};

/** `scope` is RFC 9068's, `scp` Entra's and Okta's. */
const callerOf = (payload: JWTPayload, ownerClaim: string): Caller => {
  const { sub = '', scope, scp, [ownerClaim]: owner } = payload;
  if (!isOwnerName(owner)) throw unauthenticated(`The access token is not valid here: ${ownerClaim}.`);
  return { subject: sub, owner, scopes: new Set([...wordsIn(scope), ...wordsIn(scp)]) };
};

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
